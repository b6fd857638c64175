"""A WebSocket client that does next to nothing: frames are built beforehand, and reading can really be stopped.

Libraries read ahead, parse and copy; a load client beside the server on the same cores must not, and a client that
"reads nothing" must leave everything in the kernel's buffers.
"""

import asyncio
import base64
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
_PONG = 10


def frame(kind: int, payload: bytes) -> bytes:
    """A complete frame of a client, masked as RFC 6455 wants it."""
    mask = os.urandom(4)
    head = bytes([0x80 | kind])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + len(payload).to_bytes(8, "big")
    key = np.resize(np.frombuffer(mask, np.uint8), len(payload))
    return head + mask + (np.frombuffer(payload, np.uint8) ^ key).tobytes()


def audio_frames(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]", chunk_samples: int) -> list[bytes]:
    """The samples as binary frames, the last one shorter where they do not come out even."""
    data = samples.astype("<i2").tobytes()
    step = 2 * chunk_samples
    return [frame(BINARY, data[at : at + step]) for at in range(0, len(data), step)]


@dataclass(frozen=True)
class Endpoint:
    """Where to connect, and the parameters that go first."""

    port: int
    path: str
    parameters: Sequence[str] = ()
    host: str = "127.0.0.1"


class Wire(asyncio.Protocol):
    """One connection. `on_reply` gets each reply's bytes at the moment they are complete."""

    def __init__(self) -> None:
        self.on_reply: Callable[[bytes], None] = self._keep
        self.replies: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.close_code: int | None = None
        self.transport: asyncio.Transport
        self._buffer = bytearray()
        self._upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()

    async def reply(self) -> bytes:
        """The next reply; ConnectionError when none will come."""
        if (reply := await self.replies.get()) is None:
            raise ConnectionError(f"the gateway closed the connection with {self.close_code}")
        return reply

    async def send(self, data: bytes) -> None:
        """Hand a frame over, waiting while the connection takes no more."""
        self.transport.write(data)
        await self._writable.wait()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.replies.put_nowait(None)
        self._writable.set()
        if not self._upgraded.done():
            self._upgraded.set_exception(ConnectionError("the gateway closed the connection during the upgrade"))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded.done() and not self._take_upgrade():
            return
        while (reply := self._take_frame()) is not None:
            kind, payload = reply
            if kind == TEXT:
                self.on_reply(payload)
            elif kind == PING:
                self.transport.write(frame(_PONG, payload))
            elif kind == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big")

    async def upgrade(self, endpoint: Endpoint) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {endpoint.path} HTTP/1.1", f"Host: {endpoint.host}:{endpoint.port}", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.transport.write("\r\n".join(lines).encode())
        await self._upgraded

    def _keep(self, reply: bytes) -> None:
        self.replies.put_nowait(reply)

    def _take_upgrade(self) -> bool:
        head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
        if not end:
            return False
        self._buffer = bytearray(rest)
        if head.startswith(b"HTTP/1.1 101"):
            self._upgraded.set_result(None)
        else:
            self._upgraded.set_exception(ConnectionError(head.splitlines()[0].decode()))
        return True

    def _take_frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        end = start + length
        if len(buffer) < end:
            return None
        kind, payload = buffer[0] & 0x0F, bytes(buffer[start:end])
        del buffer[:end]
        return kind, payload


async def connect(endpoint: Endpoint, receive_buffer_bytes: int | None = None) -> Wire:
    """A connection whose parameters have been accepted. A small receive buffer leaves unread replies to the gateway."""
    opened = socket.socket()
    opened.setblocking(False)
    if receive_buffer_bytes:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(opened, (endpoint.host, endpoint.port))
    _, wire = await loop.create_connection(Wire, sock=opened)
    await wire.upgrade(endpoint)
    for parameter in endpoint.parameters:
        await wire.send(frame(TEXT, parameter.encode()))
        if (answer := await wire.reply()) != b"200":
            raise ConnectionError(f"{endpoint.path} answered {answer!r} to the parameter {parameter[:20]!r}")
    return wire


async def converse(endpoint: Endpoint, frames: Sequence[bytes]) -> list[bytes]:
    """All replies to the frames, which go out as fast as they are taken."""
    wire = await connect(endpoint)
    try:
        for data in frames:
            await wire.send(data)
        return [await wire.reply() for _ in frames]
    finally:
        wire.transport.abort()
