"""Requests to `asr` and `language_id` straight to Triton, as a client of the contract makes them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import numpy.typing as npt
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import np_to_triton_dtype

from tests.triton_server import TritonAddress

Answer = Mapping[str, npt.NDArray[Any]]


def ask(triton: TritonAddress, model: str = "asr", **inputs: Any) -> Answer:
    """One request; AUDIO may lack the row's axis, LENGTH is all of it unless given, texts may be strings."""
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        return infer(client, model, inputs)


def ask_together(triton: TritonAddress, requests: Sequence[Mapping[str, Any]], model: str = "asr") -> list[Answer]:
    """All leave before the first answer is waited for: threads of a busy machine would come one by one."""
    futures: list[Future[Any]] = [Future() for _ in requests]

    def settle(future: Future[Any], result: Any, error: Exception | None) -> None:
        future.set_exception(error) if error else future.set_result(result)

    made = [_made(inputs) for inputs in requests]
    with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
        client.is_server_live()  # connected
        for inputs, future in zip(made, futures, strict=True):
            client.async_infer(model, inputs, functools.partial(settle, future))
        return [_named(future.result()) for future in futures]


def number(value: int) -> npt.NDArray[np.int32]:
    return np.array([[value]], np.int32)


def words(answer: Answer) -> list[str]:
    return [word.decode() for word in answer["WORD"][0]]


def text(answer: Answer) -> str:
    return "".join(words(answer)).strip()


def infer(client: InferenceServerClient, model: str, inputs: Mapping[str, Any]) -> Answer:
    return _named(client.infer(model, _made(inputs)))


def _made(inputs: Mapping[str, Any]) -> list[InferInput]:
    audio = np.atleast_2d(inputs["AUDIO"])
    tensors = {"LENGTH": number(audio.shape[1]), **inputs, "AUDIO": audio}
    made = []
    for name, value in tensors.items():
        array = _array(value)
        made.append(InferInput(name, array.shape, np_to_triton_dtype(array.dtype)))
        made[-1].set_data_from_numpy(array)
    return made


def _named(answer: Any) -> Answer:
    return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}


def _array(value: Any) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    return np.array([[value] if isinstance(value, str | bytes) else list(value)], np.object_)
