"""The gateway on a real socket, before models that never answer, and a client that sends what bytes it likes."""

import asyncio
import contextlib
import dataclasses
import socket
import struct
from collections.abc import AsyncIterator, Iterable

import pytest
from prometheus_client import Gauge

from frontend import app
from frontend.config import settings
from frontend.connection.accept import Reception
from frontend.connection.framing import CLOSE, close_payload
from frontend.memory.ledger import Ledger
from frontend.speech import Listener, Manifest, ModelRef, Readiness
from frontend.triton.service import ConnectionSpeech, TritonSpeech
from frontend.workers.worker import alone
from tests.frontend.connection.rfc6455 import frame
from tests.frontend.fakes import MANIFEST
from tests.triton_server import wait_until

# Answers every message at once: 200 to a sampling rate, 500 to anything else while it has none.
PATH = "/speech_summary_stream"
REQUEST = (
    f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
Frame = tuple[int, bytes]


class SilentSpeech(TritonSpeech):
    """Models that are there, and never answer."""

    def asked_by(self, connection_id: str, urgent: bool = False) -> ConnectionSpeech:
        return SilentConnection(self, connection_id)

    def manifest(self, model: ModelRef) -> Manifest | None:
        return MANIFEST

    async def ready(self) -> Readiness:
        return Readiness({})


class SilentConnection(ConnectionSpeech):
    def listen(self, listener: Listener) -> None:
        """And never tell it anything."""


class Served:
    """A gateway on ports of its own, and its clients."""

    def __init__(self, gateway: app.Gateway) -> None:
        self._gateway = gateway
        self._writers: list[asyncio.StreamWriter] = []

    async def client(self, listener: str = "live") -> "RawClient":
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.ports[listener])
        self._writers.append(writer)
        return RawClient(reader, writer)

    async def upgraded(self, early: bytes = b"") -> "RawClient":
        """A client after the handshake; `early` is sent with it, without waiting for the answer."""
        client = await self.client()
        client.send(REQUEST + early)
        assert (await client.head()).startswith("HTTP/1.1 101 ")
        return client

    async def nothing_left(self) -> None:
        """No client is served that has ended its connection, and nothing is held for it."""
        gauges = (self._gateway.metrics.connections, self._gateway.metrics.held_bytes)
        await asyncio.to_thread(wait_until, lambda: not any(_values(gauges)))

    @property
    def reception(self) -> Reception:
        return self._gateway._reception

    def hang_up(self) -> None:
        while self._writers:
            self._writers.pop().close()


def _values(gauges: Iterable[Gauge]) -> list[float]:
    return [sample.value for gauge in gauges for metric in gauge.collect() for sample in metric.samples]


@contextlib.asynccontextmanager
async def served(
    close_linger_seconds: float = 20.0,
    max_connections: int = settings.Server.max_connections,
    of_address: settings.Quota | None = None,
    ledger: Ledger | None = None,
) -> AsyncIterator[Served]:
    """Nothing of any client is left at the end."""
    usual = settings.Settings()
    options = dataclasses.replace(
        usual,
        server=dataclasses.replace(
            usual.server, close_linger_seconds=close_linger_seconds, max_connections=max_connections
        ),
        ports=settings.Ports(*(0 for _ in dataclasses.fields(settings.Ports))),
        exports=dataclasses.replace(usual.exports, enabled=False),
        address_limits=of_address or usual.address_limits,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "TritonSpeech", SilentSpeech)
        gateway = app.Gateway(options, alone(options, ledger))
    await gateway.start()
    here = Served(gateway)
    try:
        yield here
        await here.nothing_left()
    finally:
        here.hang_up()
        await gateway.stop()


class RawClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def head(self) -> str:
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def line(self) -> bytes:
        return await self._reader.readline()

    async def exactly(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def frame(self) -> Frame:
        """What the server sends: whole, not masked, its length in the fewest bytes (5.1, 5.2)."""
        first, size = await self._reader.readexactly(2)
        assert first & 0xF0 == 0x80
        if size >= 126:
            wide, least = (2, 126) if size == 126 else (8, 1 << 16)
            size = int.from_bytes(await self._reader.readexactly(wide), "big")
            assert size >= least
        return first & 0x0F, await self._reader.readexactly(size)

    async def until_close(self) -> tuple[list[Frame], bytes]:
        """What came before the server's Close, and its payload."""
        before: list[Frame] = []
        while (heard := await self.frame())[0] != CLOSE:
            before.append(heard)
        return before, heard[1]

    async def closed(self, code: int = 1000) -> bytes:
        """Close from here: the payload of what comes back, behind which there is nothing."""
        self.send(frame(CLOSE, close_payload(code, "")))
        opcode, payload = await self.frame()
        assert opcode == CLOSE
        assert await self.rest() == b""
        return payload

    async def rest(self) -> bytes:
        """Whatever comes until the server ends the connection, which is ended from here then."""
        with contextlib.closing(self._writer):
            return await self._reader.read()

    def stop_sending(self) -> None:
        self._writer.write_eof()

    def vanish(self) -> None:
        """With a reset."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
