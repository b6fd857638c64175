"""The published folders in the real Triton: they load, survive their warm-up and answer what ONNX Runtime answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray

from export.graphs.runtime import Inputs, Runner
from export.parity.speaker_embedding import voicelike
from export.parity.vad import speechlike
from tests.export.conftest import fresh_vad_inputs
from tests.triton_server import running_triton

TYPES = {"int16": "INT16", "int32": "INT32", "float32": "FP32"}


@pytest.fixture(scope="module")
def triton(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_triton(repository, tmp_path_factory.mktemp("triton")) as address:
        client = tritonclient.grpc.InferenceServerClient(f"{address.host}:{address.grpc_port}")
        yield client
        client.close()


def ask(triton: Any, model: str, inputs: Inputs, *outputs: str) -> dict[str, NDArray[Any]]:
    tensors = []
    for name, array in inputs.items():
        tensor = tritonclient.grpc.InferInput(name, array.shape, TYPES[array.dtype.name])
        tensors.append(tensor.set_data_from_numpy(array))
    wanted = [tritonclient.grpc.InferRequestedOutput(name) for name in outputs]
    answer = triton.infer(model, tensors, outputs=wanted)
    return {name: answer.as_numpy(name) for name in outputs}


def test_vad_answers_as_onnx_runtime_does(triton: Any, vad: Runner, random: np.random.Generator) -> None:
    inputs = fresh_vad_inputs(speechlike(random, (3, 16)), [16, 1, 5])
    expected = vad.run(inputs)
    found = ask(triton, "vad", inputs, "PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6)


def test_speaker_embedding_answers_as_onnx_runtime_does(triton: Any, speaker: Runner) -> None:
    audio = np.stack([voicelike(48_000, pitch, 0.2) for pitch in (110, 220)])
    inputs: Inputs = {"AUDIO": audio, "LENGTH": np.array([[48_000], [30_000]], np.int32)}
    found = ask(triton, "speaker_embedding", inputs, "EMBEDDING")["EMBEDDING"]
    np.testing.assert_allclose(found, speaker.run(inputs)["EMBEDDING"], atol=1e-6)


def test_each_model_answers_its_manifest_once_a_row(triton: Any, repository: Path) -> None:
    requests: dict[str, Inputs] = {
        "vad": fresh_vad_inputs(np.zeros((2, 512), np.int16), [1, 1]),
        "speaker_embedding": {"AUDIO": np.zeros((2, 16_000), np.int16), "LENGTH": np.zeros((2, 1), np.int32)},
    }
    for model, inputs in requests.items():
        found = ask(triton, model, inputs, "MANIFEST")["MANIFEST"]
        assert found.shape == (2, 1)
        expected = json.loads((repository / model / "1/manifest.json").read_text())
        assert [json.loads(text) for text in found[:, 0]] == [expected, expected]
