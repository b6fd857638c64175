"""One Triton with the scripted graph for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.docker.scripted_graph import Repository
from tests.docker.triton.backends.asr.test_model import SCRIPTS
from tests.triton_server import TritonAddress, running_triton


@pytest.fixture(scope="package")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonAddress]:
    root = tmp_path_factory.mktemp("asr")
    Repository(root / "repository").write(SCRIPTS)
    with running_triton(root / "repository", root / "state") as address:
        yield address
