"""The bundled models in the real Triton: concurrent requests run together and give what each gives alone."""

import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
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


def ask(triton: TritonAddress, contract: Contract, rows: Sequence[Row]) -> list[Mapping[str, npt.NDArray[Any]]]:
    """The answers to as many requests, which all leave before the first answer is waited for."""
    requests = [inputs(contract, row) for row in rows]
    futures: list[Future[Any]] = [Future() for _ in rows]

    def settle(future: Future[Any], result: Any, error: Exception | None) -> None:
        future.set_exception(error) if error else future.set_result(result)

    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        client.is_server_live()  # connected
        for request, future in zip(requests, futures, strict=True):
            client.async_infer(contract.name, request, functools.partial(settle, future))
        answers = [future.result() for future in futures]
    return [{name: answer.as_numpy(name) for name in contract.outputs} for answer in answers]


def inputs(contract: Contract, row: Row) -> list[InferInput]:
    made = []
    for name, values in contract.inputs([row], contract.sizes[2]).items():
        made.append(InferInput(name, values.shape, np_to_triton_dtype(values.dtype)))
        made[-1].set_data_from_numpy(values)
    return made


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_concurrent_requests_are_batched_and_each_gets_what_it_gets_alone(
    triton: TritonAddress, contract: Contract
) -> None:
    wanted = rows(contract)
    first, _ = triton.counts(contract.name)
    alone = [ask(triton, contract, [row])[0] for row in wanted]
    together = triton.until_shared(
        contract.name, REQUESTS, lambda: ask(triton, contract, wanted), asked_rows=first + REQUESTS
    )
    for answer, expected in zip(together, alone, strict=True):
        for name, values in expected.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(answer[name], values, atol=1e-5)
            else:
                assert np.array_equal(answer[name], values)
