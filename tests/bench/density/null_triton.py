"""`python -m tests.bench.density.null_triton PORT`: Triton's gRPC with models that take no time and hear only silence.

For gateways of several processes, whose models cannot be replaced inside.
"""

import asyncio
import sys
from typing import Any

import grpc
import numpy.typing as npt
from tritonclient.grpc import service_pb2
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from tests.bench.density import null_models

_MAX_MESSAGE_BYTES = 64 << 20
_LENGTHS = [(f"grpc.max_{way}_message_length", _MAX_MESSAGE_BYTES) for way in ("send", "receive")]


async def infer(request: Any, context: Any) -> Any:
    (audio,) = (each for each in request.inputs if each.name == "AUDIO")
    values = null_models.outputs(request.model_name, tuple(audio.shape))
    response = service_pb2.ModelInferResponse(model_name=request.model_name, id=request.id)
    for wanted in request.outputs:
        value = values[wanted.name]
        response.outputs.add(name=wanted.name, datatype=np_to_triton_dtype(value.dtype), shape=value.shape)
        response.raw_output_contents.append(_bytes(value))
    return response


def _bytes(value: npt.NDArray[Any]) -> bytes:
    if value.dtype != object:
        return value.tobytes()
    return bytes(serialize_byte_tensor(value).item()) if value.size else b""


async def serve(port: int) -> None:
    server = grpc.aio.server(options=_LENGTHS)
    handler = grpc.unary_unary_rpc_method_handler(
        infer,
        request_deserializer=service_pb2.ModelInferRequest.FromString,
        response_serializer=service_pb2.ModelInferResponse.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": handler})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
