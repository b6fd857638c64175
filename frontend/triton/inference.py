"""One request to a model, as the gateway has it and as it travels, and what is refused of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

from frontend.errors import ServiceError
from frontend.speech import ModelRef
from frontend.triton.tensors import Arrays
from frontend.triton.wire import array_of, datatype_of, raw_of

# The request itself is wrong: another try gives the same answer.
_FINAL = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED)
# How Triton's own complaints about a request begin; what begins otherwise the model says.
_TRITONS_OWN = "[request id:"
_MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True)
class Inference:
    """One request: which model, under which id, with what, for what; urgent where somebody speaks and waits."""

    model: ModelRef
    request_id: str
    inputs: Arrays
    outputs: Sequence[str]
    urgent: bool = False

    @property
    def rows(self) -> int:
        return len(next(iter(self.inputs.values())))


class RefusedError(ServiceError):
    """The request is wrong and stays so. The reason is the model's own, empty where it did not come to that."""

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(f"the model {model} refuses what the gateway asks")
        self.reason = reason


def request_of(inference: Inference) -> Any:
    request = service_pb2.ModelInferRequest(
        model_name=inference.model.name, model_version=inference.model.version, id=inference.request_id
    )
    for name, array in inference.inputs.items():
        request.inputs.add(name=name, datatype=datatype_of(array), shape=array.shape)
        request.raw_input_contents.append(raw_of(array))
    for name in inference.outputs:
        request.outputs.add(name=name)
    return request


def outputs_of(answer: Any) -> Arrays:
    """ValueError for what is none."""
    return {
        tensor.name: array_of(tensor.datatype, tuple(tensor.shape), raw)
        for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    }


def is_final(error: grpc.aio.AioRpcError) -> bool:
    return error.code() in _FINAL


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """What the model itself says against a request: one line of it."""
    text = error.details() or ""
    if error.code() != grpc.StatusCode.INVALID_ARGUMENT or text.startswith(_TRITONS_OWN):
        return ""
    return str(text.strip().partition("\n")[0][:_MAX_REASON_CHARACTERS])
