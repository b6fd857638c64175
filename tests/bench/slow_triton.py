"""`python -m tests.bench.slow_triton PORT SECONDS`: Triton's gRPC, with models whose capacity is known.

Voice activity answers at once, and hears speech where it is loud. The recogniser takes so many seconds for each call,
one at a time, and hears one word from the beginning to the end: what it carries does not depend on the machine.
"""

import asyncio
import sys
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2
from tritonclient.utils import np_to_triton_dtype, serialize_byte_tensor

from frontend.speech import ASR, RATE, WINDOW_SAMPLES
from tests.bench.density import null_models
from tests.bench.density.null_models import Tensors

_LOUD = 1000


class SlowModels:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def infer(self, request: Any, context: Any) -> Any:
        tensors = {
            tensor.name: (tuple(tensor.shape), raw)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        shape, audio = tensors["AUDIO"]
        if request.model_name == ASR.name:
            async with self._turn:
                await asyncio.sleep(self._seconds)
            values = {
                **null_models.outputs(ASR.name, shape),
                **_one_word(np.frombuffer(tensors["LENGTH"][1], np.int32)),
            }
        else:
            heard = np.abs(np.frombuffer(audio, np.int16).reshape(shape[0], -1, WINDOW_SAMPLES)).mean(axis=2)
            values = {
                **null_models.outputs(request.model_name, shape),
                "PROBABILITY": (heard > _LOUD).astype(np.float32),
            }
        return _answer(request, values)


def _one_word(lengths: Any) -> Tensors:
    return {
        "WORD": np.array([[b"word"]], object),
        "START": np.zeros((1, 1), np.float32),
        "END": np.array([[int(lengths[0]) / RATE]], np.float32),
        "CONFIDENCE": np.full((1, 1), 0.9, np.float32),
        "SEGMENT": np.zeros((1, 1), np.int32),
    }


def _answer(request: Any, values: Tensors) -> Any:
    response = service_pb2.ModelInferResponse(model_name=request.model_name)
    for tensor in request.outputs:
        value = values[tensor.name]
        response.outputs.add(name=tensor.name, datatype=np_to_triton_dtype(value.dtype), shape=value.shape)
        raw = value.tobytes() if value.dtype != object else serialize_byte_tensor(value).item()
        response.raw_output_contents.append(bytes(raw))
    return response


async def serve(port: int, seconds: float) -> None:
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        SlowModels(seconds).infer,
        request_deserializer=service_pb2.ModelInferRequest.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )
    handlers = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": handler})
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
