"""The published folders in the real Triton answer what ONNX Runtime answers, and their manifest."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray

from export.graphs.runtime import Inputs, Runner
from export.parity.speaker_embedding import voicelike
from export.parity.vad import speechlike
from tests.export.conftest import fresh_vad_inputs
from tests.model_repository.served import served
from tests.triton_server import TritonAddress

TYPES = {"int16": "INT16", "int32": "INT32", "float32": "FP32"}


@pytest.fixture(scope="module")
def client(triton: TritonAddress) -> Iterator[Any]:
    client = tritonclient.grpc.InferenceServerClient(f"{triton.host}:{triton.grpc_port}")
    yield client
    client.close()


def ask(client: Any, model: str, inputs: Inputs, *outputs: str) -> dict[str, NDArray[Any]]:
    tensors = []
    for name, array in inputs.items():
        tensor = tritonclient.grpc.InferInput(name, array.shape, TYPES[array.dtype.name])
        tensors.append(tensor.set_data_from_numpy(array))
    wanted = [tritonclient.grpc.InferRequestedOutput(name) for name in outputs]
    answer = client.infer(model, tensors, outputs=wanted)
    return {name: answer.as_numpy(name) for name in outputs}


def test_vad_answers_as_onnx_runtime_does(client: Any) -> None:
    inputs = fresh_vad_inputs(speechlike(np.random.default_rng(7), (3, 16)), [16, 1, 5])
    expected = Runner(served("vad").model_path).run(inputs)
    found = ask(client, "vad", inputs, "PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6)


def test_speaker_embedding_answers_as_onnx_runtime_does(client: Any) -> None:
    audio = np.stack([voicelike(48_000, pitch, 0.2) for pitch in (110, 220)])
    inputs: Inputs = {"AUDIO": audio, "LENGTH": np.array([[48_000], [30_000]], np.int32)}
    expected = Runner(served("speaker_embedding").model_path).run(inputs)["EMBEDDING"]
    found = ask(client, "speaker_embedding", inputs, "EMBEDDING")["EMBEDDING"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_each_model_answers_its_manifest_once_a_row(client: Any) -> None:
    requests: dict[str, Inputs] = {
        "vad": fresh_vad_inputs(np.zeros((2, 512), np.int16), [1, 1]),
        "speaker_embedding": {"AUDIO": np.zeros((2, 16_000), np.int16), "LENGTH": np.zeros((2, 1), np.int32)},
    }
    for model, inputs in requests.items():
        found = ask(client, model, inputs, "MANIFEST")["MANIFEST"]
        assert found.shape == (2, 1)
        expected = served(model).manifest
        assert [json.loads(text) for text in found[:, 0]] == [expected, expected]
