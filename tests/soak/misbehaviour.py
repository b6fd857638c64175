"""What clients do that misbehave, and to whom."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.bench.wire import BINARY, PING, TEXT, Endpoint, connect, frame
from tests.gateway_server import GatewayAddress

HEAD_SECONDS = 4.0
KEY = "the-key-of-the-others"
_SECONDS = 10.0
_KEYS = 100_000
_PIPELINED = 50
_AT_ONCE = 20
_WAITED_SECONDS = 0.5
HEADS = 500


@dataclass(frozen=True)
class Attacked:
    """The gateway, and how much of everything is tried: 1.0 is all of it."""

    gateway: GatewayAddress
    scale: float

    def many(self, count: int) -> int:
        return max(1, round(count * self.scale))

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.gateway.ports["voice"])

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.gateway.ports["voice"], f"/speech_summary_stream?token={KEY}", ("16000",))


async def wrong_keys(attacked: Attacked) -> int:
    """Over a few connections, as many at once as each takes; whoever is made to wait goes, and comes again."""
    request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nkey: wrong%d\r\n\r\n"

    async def guess(count: int) -> int:
        for at in range(0, count, _PIPELINED):
            reader, writer = await attacked.open()
            batch = b"".join(request % number for number in range(at, at + _PIPELINED - 1))
            writer.write(batch + (request % at)[:-2] + b"Connection: close\r\n\r\n")
            with contextlib.suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(), _WAITED_SECONDS)
            writer.transport.abort()
        return count

    each = max(_PIPELINED, attacked.many(_KEYS) // _AT_ONCE)
    return sum(await asyncio.gather(*(guess(each) for _ in range(_AT_ONCE))))


async def _flooded(attacked: Attacked, data: bytes, *, read: bool = True) -> int:
    """How many bytes one connection of a good client takes of this in the time."""
    wire = await connect(attacked.endpoint)
    end, sent = time.monotonic() + _SECONDS * attacked.scale, 0
    if not read:
        wire.transport.pause_reading()
    while time.monotonic() < end and not wire.transport.is_closing():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await wire.send(data)
                sent += len(data)
        await asyncio.sleep(0)
    wire.transport.abort()
    return sent


async def pings(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(PING, b"x" * 100) * 200)


async def one_byte_frames(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(BINARY, b"x") * 200)


async def never_reading(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(BINARY, bytes(640)) * 100, read=False)


async def json_bombs(attacked: Attacked) -> int:
    return await _flooded(attacked, frame(TEXT, b"[" * 60_000))


async def _asked(attacked: Attacked, request: bytes) -> int:
    """The same again and again; how many got an answer."""
    end, answered = time.monotonic() + _SECONDS * attacked.scale, 0
    while time.monotonic() < end:
        reader, writer = await attacked.open()
        with contextlib.suppress(ConnectionError):
            writer.write(request)
            answered += (await reader.read())[8:10] == b" 4"
        writer.close()
    return answered


async def huge_queries(attacked: Attacked) -> int:
    return await _asked(attacked, b"GET /v1/models?x=" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def compressed_bodies(attacked: Attacked) -> int:
    """A megabyte that says that it would be a gigabyte."""
    head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nkey: {KEY}\r\nConnection: close\r\n"
    body = b"Content-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
    return await _asked(attacked, head.encode() + body)


async def slow_heads(attacked: Attacked) -> int:
    """Requests that never end, a byte now and then; how many of them are told so and hung up on."""
    opened = [await attacked.open() for _ in range(attacked.many(HEADS))]
    for byte in b"GET":  # what is sent after the answer would only reset it
        for _, writer in opened:
            writer.write(bytes([byte]))
        await asyncio.sleep(1.0 * attacked.scale)
    told = 0
    for reader, writer in opened:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(HEAD_SECONDS):
                told += b" 408 " in await reader.read()
        writer.transport.abort()
    return told


KINDS: Mapping[str, Callable[[Attacked], Awaitable[int]]] = {
    each.__name__.replace("_", " "): each
    for each in (
        *(wrong_keys, pings, one_byte_frames, never_reading, json_bombs, huge_queries, compressed_bodies),
        slow_heads,
    )
}
