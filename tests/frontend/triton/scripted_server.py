"""Tritons in this process: they answer over gRPC as a test tells each to, and note what they were asked."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import model_config_pb2, service_pb2

from frontend.config import settings
from frontend.speech import VAD, WINDOW_SAMPLES
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.inference import Inference
from frontend.triton.tensors import Arrays, Row, VadContract
from frontend.triton.wire import datatype_of, raw_of

CONTRACT = VadContract()


class ScriptedServer:
    """Voice activity alone, with a probability that says which server it was."""

    def __init__(self, number: int) -> None:
        self.number, self.identity = number, "00"
        self.asked: list[str] = []
        self.serves, self.lives = asyncio.Event(), asyncio.Event()
        self.failure: grpc.StatusCode | None = None
        self.came = asyncio.Condition()
        self._server = grpc.aio.server()
        handlers = {
            "ModelInfer": _handler(self.infer, service_pb2.ModelInferRequest),
            "ServerLive": _handler(self.live, service_pb2.ServerLiveRequest),
            "ModelConfig": _handler(self.configuration, service_pb2.ModelConfigRequest),
        }
        generic = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)
        self._server.add_generic_rpc_handlers((generic,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self.go_on()

    def go_on(self) -> None:
        self.serves.set()
        self.lives.set()

    def hang(self) -> None:
        self.serves.clear()
        self.lives.clear()

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        self.go_on()
        await self._server.stop(None)

    async def has_been_asked(self, times: int) -> None:
        async with self.came:
            await self.came.wait_for(lambda: len(self.asked) >= times)

    async def infer(self, request: Any, context: Any) -> Any:
        self.asked.append(request.id)
        async with self.came:
            self.came.notify_all()
        await self.serves.wait()
        if self.failure is not None:
            await context.abort(self.failure, "as the test wants it")
        rows, samples = next(tuple(each.shape) for each in request.inputs if each.name == "AUDIO")
        return self._answer([each.name for each in request.outputs], rows, samples // WINDOW_SAMPLES)

    async def live(self, request: Any, context: Any) -> Any:
        await self.lives.wait()
        return service_pb2.ServerLiveResponse(live=True)

    async def configuration(self, request: Any, context: Any) -> Any:
        config = model_config_pb2.ModelConfig(backend="onnxruntime")
        config.instance_group.add(kind=model_config_pb2.ModelInstanceGroup.KIND_CPU)
        return service_pb2.ModelConfigResponse(config=config)

    def _answer(self, wanted: Sequence[str], rows: int, windows: int) -> Any:
        text = json.dumps({"model": "vad", "identity": self.identity}).encode()
        values = {
            "PROBABILITY": np.full((rows, windows), self.number / 10, np.float32),
            "NEXT_CONTEXT": np.zeros((rows, 64), np.float32),
            "NEXT_STATE": np.zeros((rows, 2, 128), np.float32),
            "MANIFEST": np.array([[text]] * rows, object),
        }
        answer = service_pb2.ModelInferResponse(model_name="vad")
        for name in wanted:
            answer.outputs.add(name=name, datatype=datatype_of(values[name]), shape=values[name].shape)
            answer.raw_output_contents.append(raw_of(values[name]))
        return answer


def _handler(answer: Any, request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


@contextlib.asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[ScriptedServer, ScriptedServer]]:
    servers = ScriptedServer(1), ScriptedServer(2)
    try:
        for each in servers:
            await each.start()
        yield servers
    finally:
        for each in servers:
            await each.stop()


def options(*addresses: str, **more: Any) -> settings.Settings:
    triton = settings.Triton(endpoints=addresses, models=("vad",), readiness_cache_seconds=0.0)
    return settings.Settings(triton=replace(triton, **more))


@contextlib.asynccontextmanager
async def client_of(chosen: settings.Settings) -> AsyncIterator[TritonClient]:
    client = TritonClient(chosen.triton, Metrics())
    try:
        yield client
    finally:
        await client.close(10)


def inference(number: int, rows: int = 1) -> Inference:
    wanted = [Row(f"{number}", np.zeros(WINDOW_SAMPLES, np.int16)) for _ in range(rows)]
    return Inference(VAD, f"{number}", CONTRACT.inputs(wanted, WINDOW_SAMPLES), CONTRACT.outputs)


def answered_by(outputs: Arrays) -> int:
    return round(float(outputs["PROBABILITY"][0, 0]) * 10)
