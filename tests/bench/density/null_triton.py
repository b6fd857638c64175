"""`python -m tests.bench.density.null_triton PORT`: Triton's gRPC, with models that take no time and hear silence."""

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
import numpy.typing as npt
from tritonclient.grpc import service_pb2
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from tests.bench.density import null_models
from tests.bench.density.null_models import Tensors

_MAX_MESSAGE_BYTES = 64 << 20
_LENGTHS = [(f"grpc.max_{way}_message_length", _MAX_MESSAGE_BYTES) for way in ("send", "receive")]


async def infer(request: Any, context: Any) -> bytes:
    (shape,) = (tuple(tensor.shape) for tensor in request.inputs if tensor.name == "AUDIO")
    return answer(request.model_name, shape, tuple(tensor.name for tensor in request.outputs))


@functools.lru_cache(maxsize=512)
def answer(model: str, shape: tuple[int, ...], wanted: tuple[str, ...]) -> bytes:
    """As it goes to the gateway; it is the same for all calls of a shape."""
    return written(model, null_models.outputs(model, shape), wanted)


def written(model: str, values: Tensors, wanted: Iterable[str]) -> bytes:
    """The response with those of these values that are wanted."""
    response = service_pb2.ModelInferResponse(model_name=model)
    for name in wanted:
        response.outputs.add(name=name, datatype=np_to_triton_dtype(values[name].dtype), shape=values[name].shape)
        response.raw_output_contents.append(_bytes(values[name]))
    return bytes(response.SerializeToString())


def _bytes(value: npt.NDArray[Any]) -> bytes:
    if value.dtype != object:
        return value.tobytes()
    return bytes(serialize_byte_tensor(value).item()) if value.size else b""


async def serve(port: int, infer: Callable[[Any, Any], Awaitable[bytes]]) -> None:
    server = grpc.aio.server(options=_LENGTHS)
    parse = service_pb2.ModelInferRequest.FromString
    handler = grpc.unary_unary_rpc_method_handler(infer, request_deserializer=parse)
    handlers = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": handler})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), infer))
