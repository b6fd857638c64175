"""Requests to `asr` and `language_id` straight to Triton, as a client of the contract makes them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """All at the same moment, each from a client of its own."""
    barrier = threading.Barrier(len(requests))

    def at_once(inputs: Mapping[str, Any]) -> Answer:
        with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
            client.is_server_live()  # connected before it counts
            barrier.wait()
            return infer(client, model, inputs)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(at_once, requests))


def number(value: int) -> npt.NDArray[np.int32]:
    return np.array([[value]], np.int32)


def words(answer: Answer) -> list[str]:
    return [word.decode() for word in answer["WORD"][0]]


def text(answer: Answer) -> str:
    return "".join(words(answer)).strip()


def infer(client: InferenceServerClient, model: str, inputs: Mapping[str, Any]) -> Answer:
    audio = np.atleast_2d(inputs["AUDIO"])
    tensors = {"LENGTH": number(audio.shape[1]), **inputs, "AUDIO": audio}
    sent = []
    for name, value in tensors.items():
        array = _array(value)
        sent.append(InferInput(name, array.shape, np_to_triton_dtype(array.dtype)))
        sent[-1].set_data_from_numpy(array)
    answer = client.infer(model, sent)
    return {output.name: answer.as_numpy(output.name) for output in answer.get_response().outputs}


def _array(value: Any) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    return np.array([[value] if isinstance(value, str | bytes) else list(value)], np.object_)
