"""What `docs/adding-a-model.md` says: its example becomes the next version of a model that serves, and answers."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import np_to_triton_dtype

from frontend.speech import RATE, WINDOW_SAMPLES
from frontend.triton.answers import size_of
from frontend.triton.tensors import Row, VadContract
from tests import foreign, pages
from tests.gateway import rest
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import ROOT, TritonAddress, running_triton, wait_until

PAGE, SUMMARY = "docs/adding-a-model.md", "/speech_summary_engine/get_speech_summary_from_samples"
LOUD, QUIET = np.full(RATE, 5000, np.int16), np.full(RATE, 50, np.int16)


@dataclass(frozen=True)
class Served:
    folder: Path
    triton: TritonAddress
    gateway: GatewayAddress

    @property
    def identity(self) -> str:
        return str(json.loads(self.gateway.get("/core/get_build_info")[1])["models"]["vad"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway in front of a repository whose bundled `vad` was followed by the example while it served."""
    folder = tmp_path_factory.mktemp("house")
    bundled, vad = ROOT / "model_repository" / "vad", folder / "model_repository" / "vad"
    newest = max(int(each.name) for each in bundled.iterdir() if each.name.isdecimal())
    for number in (1, 2):  # as in a repository that was made some time ago
        shutil.copytree(bundled / str(newest), vad / str(number))
    shutil.copy(bundled / "config.pbtxt", vad)
    with (
        running_triton(folder / "model_repository", folder / "triton") as triton,
        running_gateway(triton, folder / "gateway", {"GATEWAY_TRITON__MODELS": "[vad]"}) as gateway,
    ):
        served = Served(folder, triton, gateway)
        assert re.fullmatch(r"[0-9a-f]{32}", served.identity), "not the bundled one's hash"
        foreign.python(pages.block(PAGE, "python"), folder)
        wait_until(lambda: served.identity == "loudness-1")
        yield served


def test_the_example_answers_in_place_of_the_version_before(served: Served) -> None:
    assert served.gateway.get("/health/ready")[0] == 200
    status, summary = rest.post_samples(served.gateway, SUMMARY, np.concatenate([LOUD, QUIET]))
    assert status == 200
    assert json.loads(summary)["speech_signal_length"] == pytest.approx(1, abs=0.1)


def test_a_row_of_the_examples_batch_gets_what_it_gets_alone(served: Served) -> None:
    rows = [Row("test", samples[: count * WINDOW_SAMPLES]) for samples, count in ((LOUD, 16), (QUIET, 2), (LOUD, 5))]
    together = probabilities(served.triton, rows)
    assert [list(each) for each in together] == [[1.0] * 16, [0.0] * 2, [1.0] * 5]
    for row, expected in zip(rows, together, strict=True):
        (alone,) = probabilities(served.triton, [row])
        assert list(alone) == list(expected)


def test_a_version_that_does_not_say_what_it_is_is_not_ready_and_says_why(served: Served) -> None:
    nameless = pages.block(PAGE, "python").replace('"identity"', '"name"')
    foreign.python(nameless, served.folder)
    wait_until(lambda: served.gateway.get("/health/ready")[0] == 503)
    said = json.loads(served.gateway.get("/health/ready")[1])["models"]["vad"]
    shutil.rmtree(served.folder / "model_repository" / "vad" / "4")
    wait_until(lambda: served.gateway.get("/health/ready")[0] == 200)
    assert said == "a model's manifest cannot be read"


def probabilities(triton: TritonAddress, rows: Sequence[Row]) -> list[npt.NDArray[np.float32]]:
    """What one request with these rows is answered."""
    contract, tensors = VadContract(), []
    for name, values in contract.inputs(rows, size_of(contract, rows)).items():
        tensors.append(InferInput(name, values.shape, np_to_triton_dtype(values.dtype)))
        tensors[-1].set_data_from_numpy(values)
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        answer = client.infer(contract.name, tensors)
    outputs = {name: answer.as_numpy(name) for name in contract.outputs}
    return [found for found, _state in contract.results(rows, outputs)]
