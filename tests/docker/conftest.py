"""One real Triton for all tests of this folder that do not end it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docker import tiny_models
from tests.triton_server import TritonAddress, running_triton, wait_until


@dataclass(frozen=True)
class Workbench:
    """A running Triton and the repository that its launcher watches."""

    triton: TritonAddress
    repository: Path

    def add_adder(self, name: str, bias: float = 1.0) -> None:
        tiny_models.publish_model(self.repository, name, tiny_models.ADDER, tiny_models.adder(bias))
        wait_until(lambda: self.triton.is_ready(name))

    def add_version(self, name: str, version: int, graph: bytes) -> None:
        tiny_models.publish_version(self.repository, name, version, graph)

    def sum_of(self, name: str) -> float | None:
        """What the adder makes of 0, or None where it does not answer."""
        body = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 1], "data": [0]}], "outputs": [{"name": "Y"}]}
        status, answer = self.triton.call("POST", f"/v2/models/{name}/infer", body)
        return tiny_models.values(answer)[0] if status == 200 else None

    def log_lines(self, *words: str) -> list[str]:
        lines = self.triton.log_file.read_text(errors="replace").splitlines()
        return [line for line in lines if all(word in line for word in words)]


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    root = tmp_path_factory.mktemp("workbench")
    repository = root / "repository"
    tiny_models.publish_model(repository, "adder", tiny_models.ADDER, tiny_models.adder(1.0))
    tiny_models.publish_model(repository, "lookup", tiny_models.LOOKUP, tiny_models.lookup())
    tiny_models.publish_model(repository, "unbatched", tiny_models.UNBATCHED, tiny_models.unbatched())
    tiny_models.publish_model(repository, "echo", tiny_models.echo_config(), tiny_models.echo())
    with running_triton(repository, root / "state") as triton:
        yield Workbench(triton, repository)
