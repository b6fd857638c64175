"""The CPU backend inside the real Triton, and its refusal of numpy 2 as a function."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from docker.triton import server
from tests.docker import tiny_models
from tests.docker.conftest import Workbench

CONCURRENT = 12


@pytest.fixture(scope="module")
def client(workbench: Workbench) -> Iterator[grpcclient.InferenceServerClient]:
    triton = workbench.triton
    with grpcclient.InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as opened:
        yield opened


@pytest.fixture(scope="module")
def backend() -> Iterator[ModuleType]:
    """The backend's module, imported outside Triton."""
    stub_library = str(server.wheel_directory() / "backends" / "python")
    path = server.OWN_BACKENDS / "onnxruntime" / "model.py"
    spec = importlib.util.spec_from_file_location("onnxruntime_backend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folders = [str(server.SHARED_RULES.parent), str(path.parent), stub_library]
    sys.path[:0] = folders
    spec.loader.exec_module(module)
    yield module
    del sys.path[: len(folders)]


def tensor(name: str, kind: str, array: npt.NDArray[Any]) -> grpcclient.InferInput:
    made = grpcclient.InferInput(name, list(array.shape), kind)
    made.set_data_from_numpy(array)
    return made


def look_up(client: grpcclient.InferenceServerClient, index: int) -> float | str:
    """The value, or the error's status."""
    inputs = [tensor("INDEX", "INT64", np.array([[index]], dtype=np.int64))]
    try:
        return float(client.infer("lookup", inputs).as_numpy("VALUE")[0, 0])
    except InferenceServerException as error:
        return str(error.status())


def test_concurrent_requests_share_executions(workbench: Workbench, client: grpcclient.InferenceServerClient) -> None:
    def add_one(number: int) -> float:
        result = client.infer("adder", [tensor("X", "FP32", np.full((1, 3), number, dtype=np.float32))])
        return float(result.as_numpy("Y")[0, 0])

    with ThreadPoolExecutor(CONCURRENT) as pool:
        answers = workbench.triton.until_shared("adder", CONCURRENT, lambda: list(pool.map(add_one, range(CONCURRENT))))
    assert answers == [number + 1 for number in range(CONCURRENT)]


def test_requests_of_different_shapes_in_one_batch_get_their_own_rows(client: grpcclient.InferenceServerClient) -> None:
    def length_and_rows(number: int) -> tuple[int, ...]:
        array = np.full((1 + number % 3, 1 + number % 4), number, dtype=np.float32)
        result: npt.NDArray[Any] = client.infer("adder", [tensor("X", "FP32", array)]).as_numpy("Y")
        assert (result == number + 1).all()
        return result.shape

    with ThreadPoolExecutor(CONCURRENT) as pool:
        shapes = list(pool.map(length_and_rows, range(CONCURRENT)))
    assert shapes == [(1 + number % 3, 1 + number % 4) for number in range(CONCURRENT)]


def test_a_bad_request_does_not_fail_its_neighbours(
    workbench: Workbench, client: grpcclient.InferenceServerClient
) -> None:
    rows_before, executions_before = workbench.triton.counts("lookup")
    indices = [number % 4 for number in range(CONCURRENT)]
    indices[5] = 99
    with ThreadPoolExecutor(CONCURRENT) as pool:
        answers = list(pool.map(lambda index: look_up(client, index), indices))
    expected: list[float | str] = [10.0 + index for index in indices]
    expected[5] = "StatusCode.INTERNAL"  # as the native backend says it, whoever's fault it is
    assert answers == expected
    _rows, executions = workbench.triton.counts("lookup", rows_before + CONCURRENT - 1)  # without the refused one
    assert executions - executions_before < CONCURRENT, "they never met in one batch, so nothing was shown"


def test_only_the_requested_outputs_are_sent(workbench: Workbench) -> None:
    body: dict[str, Any] = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [2, 1], "data": [1, 2]}]}
    for names in (["LABEL"], ["Y"], ["Y", "LABEL"]):
        body["outputs"] = [{"name": name} for name in names]
        _status, answer = workbench.triton.call("POST", "/v2/models/adder/infer", body)
        assert {output["name"] for output in answer["outputs"]} == set(names)


def test_string_outputs_arrive_as_utf_8(client: grpcclient.InferenceServerClient) -> None:
    result = client.infer("adder", [tensor("X", "FP32", np.zeros((2, 1), dtype=np.float32))])
    assert [each.decode() for each in result.as_numpy("LABEL").reshape(-1)] == ["añade 1", "añade 1"]


def test_every_element_type_comes_back_unchanged(client: grpcclient.InferenceServerClient) -> None:
    sent: dict[str, npt.NDArray[Any]] = {
        name: np.array([[0, 1], [1, 1]]).astype(onnx.helper.tensor_dtype_to_np_dtype(kind))
        for name, kind in tiny_models.ELEMENT_TYPES.items()
        if name != "STRING"
    }
    sent["STRING"] = np.array([["", "ñ"], ["日本", "b'x'"]], dtype=np.object_)
    inputs = [tensor(f"IN_{name}", name.replace("STRING", "BYTES"), array) for name, array in sent.items()]
    result = client.infer("echo", inputs)
    for name, array in sent.items():
        received = result.as_numpy(f"OUT_{name}")
        if name == "STRING":
            received = np.array([[each.decode() for each in row] for row in received], dtype=np.object_)
        assert received.tolist() == array.tolist(), name
        assert received.dtype == array.dtype, name


def test_a_string_that_is_not_utf_8_is_the_clients_fault(client: grpcclient.InferenceServerClient) -> None:
    inputs = [
        tensor(f"IN_{name}", name, np.zeros((1, 1), dtype=onnx.helper.tensor_dtype_to_np_dtype(kind)))
        for name, kind in tiny_models.ELEMENT_TYPES.items()
        if name != "STRING"
    ]
    inputs.append(tensor("IN_STRING", "BYTES", np.array([[b"\xff\xfe"]], dtype=np.object_)))
    with pytest.raises(InferenceServerException, match="not UTF-8") as raised:
        client.infer("echo", inputs)
    assert raised.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_model_without_a_batch_axis_serves(client: grpcclient.InferenceServerClient) -> None:
    result = client.infer("unbatched", [tensor("X", "FP32", np.array([1, -2], dtype=np.float32))])
    assert result.as_numpy("Y").tolist() == [-1, 2]


def test_numpy_2_is_refused_with_what_to_do(backend: ModuleType) -> None:
    assert backend.numpy_refusal("1.26.4") is None
    assert "install 'numpy<2'" in backend.numpy_refusal("2.3.1")


def test_an_output_without_a_row_for_each_request_is_refused(backend: ModuleType) -> None:
    with pytest.raises(ValueError, match="output MANIFEST has shape \\[1\\], expected 3 rows"):
        backend.split_rows({"MANIFEST": np.zeros(1)}, [1, 2])
    parts = backend.split_rows({"Y": np.arange(3), "Z": np.arange(6).reshape(3, 2)}, [1, 2])
    assert [[rows.tolist() for rows in part] for part in parts] == [[[0], [[0, 1]]], [[1, 2], [[2, 3], [4, 5]]]]
