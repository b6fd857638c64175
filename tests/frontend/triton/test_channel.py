"""Calls to gRPC's own server, and to what is none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from frontend.triton.channel import Channel
from frontend.triton.http2 import frames, hpack
from tests.triton_server import free_ports

LONG = 3_000_000


class Model:
    """Gives back what it is asked; some names make it do something else."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.asked = asyncio.Event()

    async def infer(self, request: Any, context: Any) -> Any:
        self.asked.set()
        if request.model_name == "wrong":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "falsch: 100 % für nichts")
        if request.model_name == "slow":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return service_pb2.ModelInferResponse(id=request.id, raw_output_contents=request.raw_input_contents)


@asynccontextmanager
async def serving(model: Model, port: int = 0) -> AsyncIterator[tuple[grpc.aio.Server, int]]:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 2 * LONG)])
    handler = grpc.unary_unary_rpc_method_handler(
        model.infer,
        request_deserializer=service_pb2.ModelInferRequest.FromString,
        response_serializer=service_pb2.ModelInferResponse.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": handler})
    server.add_generic_rpc_handlers((handlers,))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield server, bound
    finally:
        await server.stop(None)


@asynccontextmanager
async def channel_to(port: int) -> AsyncIterator[Channel]:
    channel = Channel(f"127.0.0.1:{port}")
    try:
        yield channel
    finally:
        await channel.close()


async def infer(channel: Channel, name: str = "", content: bytes = b"", request_id: str = "") -> Any:
    request = service_pb2.ModelInferRequest(model_name=name, id=request_id, raw_input_contents=[content])
    return await channel.call("ModelInfer", request, service_pb2.ModelInferResponse)


async def test_many_calls_at_once_each_get_their_own_answer() -> None:
    async with serving(Model()) as (_, port), channel_to(port) as channel:
        answers = await asyncio.gather(*(infer(channel, request_id=str(number)) for number in range(50)))
        assert [answer.id for answer in answers] == [str(number) for number in range(50)]


async def test_what_is_larger_than_any_window_arrives_whole_both_ways() -> None:
    content = bytes(range(250)) * (LONG // 250)
    async with serving(Model()) as (_, port), channel_to(port) as channel:
        answers = await asyncio.gather(*(infer(channel, content=content) for _ in range(3)))
        assert all(answer.raw_output_contents[0] == content for answer in answers)


async def test_a_refusal_comes_with_its_words() -> None:
    async with serving(Model()) as (_, port), channel_to(port) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await infer(channel, "wrong")
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert raised.value.details() == "falsch: 100 % für nichts"
        assert (await infer(channel, request_id="after")).id == "after"


async def test_a_method_that_is_not_there_is_told() -> None:
    async with serving(Model()) as (_, port), channel_to(port) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.call("Nothing", service_pb2.ModelInferRequest(), service_pb2.ModelInferResponse)
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_cancelled_call_is_cancelled_at_the_server() -> None:
    model = Model()
    async with serving(model) as (_, port), channel_to(port) as channel:
        call = asyncio.create_task(infer(channel, "slow"))
        await model.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(10):
            await model.cancelled.wait()


async def test_where_nobody_listens_the_call_fails_at_once() -> None:
    (port,) = free_ports(1)
    async with channel_to(port) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await infer(channel)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
        assert str(port) in (raised.value.details() or "")


async def test_a_server_that_comes_back_is_called_again() -> None:
    model = Model()
    async with serving(model) as (server, port), channel_to(port) as channel:
        under_way = asyncio.create_task(infer(channel, "slow"))
        await model.asked.wait()
        await server.stop(None)
        with pytest.raises(grpc.aio.AioRpcError):
            await under_way
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await infer(channel)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
        async with serving(Model(), port):
            answers = await asyncio.gather(*(infer(channel, request_id=each) for each in "abc"))
            assert [answer.id for answer in answers] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("fields", "body", "code"),
    [
        ([(b":status", b"503")], b"", grpc.StatusCode.UNAVAILABLE),
        ([(b":status", b"404")], b"", grpc.StatusCode.UNIMPLEMENTED),
        ([(b":status", b"418")], b"", grpc.StatusCode.UNKNOWN),
        ([(b":status", b"200")], b"", grpc.StatusCode.UNKNOWN),
        ([(b"grpc-status", b"14")], b"", grpc.StatusCode.UNAVAILABLE),
        ([(b"grpc-status", b"99")], b"", grpc.StatusCode.UNKNOWN),
        ([(b"grpc-status", b"x")], b"", grpc.StatusCode.UNKNOWN),
        ([(b"grpc-status", b"0")], b"", grpc.StatusCode.INTERNAL),
        ([(b"grpc-status", b"0")], b"\1\0\0\0\0", grpc.StatusCode.INTERNAL),
        ([(b"grpc-status", b"0")], b"\0\0\0\0\2x", grpc.StatusCode.INTERNAL),
        ([(b"grpc-status", b"0")], b"\0\0\0\0\1\xff", grpc.StatusCode.INTERNAL),
    ],
)
async def test_an_answer_of_another_kind_has_a_status(
    fields: list[tuple[bytes, bytes]], body: bytes, code: grpc.StatusCode
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"application/grpc")
        data = frames.frame(frames.DATA, 0, 1, body) if body else b""
        flags = frames.END_HEADERS | frames.END_STREAM
        writer.write(
            frames.frame(frames.SETTINGS, 0, 0, b"")
            + data
            + frames.frame(frames.HEADERS, flags, 1, hpack.written(fields))
        )
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, channel_to(server.sockets[0].getsockname()[1]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await infer(channel)
        assert raised.value.code() == code
