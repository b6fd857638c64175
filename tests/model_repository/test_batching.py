"""The bundled models in the real Triton: concurrent requests run together and give what each gives alone."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import np_to_triton_dtype

from frontend.triton.tensors import CONTRACTS, Contract, Row, VadContract
from tests.triton_server import TritonAddress
from tests.voices import TEXT, say

REQUESTS = 24


def rows(contract: Contract) -> list[Row]:
    """Stretches of speech of different lengths."""
    speech, size = say(TEXT), contract.sizes[2]
    step = 512 if isinstance(contract, VadContract) else 1000
    starts = range(0, REQUESTS * 700, 700)
    return [Row("test", speech[start : start + size - number % 3 * step]) for number, start in enumerate(starts)]


def ask(triton: TritonAddress, contract: Contract, row: Row) -> Mapping[str, npt.NDArray[Any]]:
    inputs = []
    for name, values in contract.inputs([row], contract.sizes[2]).items():
        inputs.append(InferInput(name, values.shape, np_to_triton_dtype(values.dtype)))
        inputs[-1].set_data_from_numpy(values)
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        answer = client.infer(contract.name, inputs)
    return {name: answer.as_numpy(name) for name in contract.outputs}


def counts(triton: TritonAddress, model: str) -> tuple[int, int]:
    """How many requests, and in how many executions, by Triton's own count."""
    versions = triton.call("GET", f"/v2/models/{model}/stats")[1]["model_stats"]
    return sum(int(v["inference_count"]) for v in versions), sum(int(v["execution_count"]) for v in versions)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_concurrent_requests_are_batched_and_each_gets_what_it_gets_alone(
    triton: TritonAddress, contract: Contract
) -> None:
    wanted = rows(contract)
    alone = [ask(triton, contract, row) for row in wanted]
    together, barrier = counts(triton, contract.name), threading.Barrier(REQUESTS)

    def at_once(row: Row) -> Mapping[str, npt.NDArray[Any]]:
        barrier.wait()
        return ask(triton, contract, row)

    with ThreadPoolExecutor(REQUESTS) as threads:
        answers = list(threads.map(at_once, wanted))
    requests, executions = np.subtract(counts(triton, contract.name), together)
    assert requests >= REQUESTS  # and the launcher's probes
    assert executions <= requests / 2, "Triton ran them one by one"
    for answer, expected in zip(answers, alone, strict=True):
        for name, values in expected.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(answer[name], values, atol=1e-5)
            else:
                assert np.array_equal(answer[name], values)
