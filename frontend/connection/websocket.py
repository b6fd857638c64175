"""A WebSocket as the session's Socket: aiohttp makes the handshake and writes, the reading is our own.

Messages are unmasked and put aside while they arrive, so that a large one never holds up the others, and what has come
of it counts from the first byte. Pings are answered beside the reading, whoever does not read.
"""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from frontend.config import settings
from frontend.connection.framing import CLOSE, PING, Chunk, Control, FrameParser
from frontend.dialogue.messages import LARGE_BYTES, Frame
from frontend.errors import GatewayError, LimitError
from frontend.memory.budget import Room
from frontend.memory.memory_file import MemoryFile

# Messages that the session has not taken yet; beyond it the client's machine is told to wait.
_AHEAD_BYTES = 1 << 20
_AHEAD_MESSAGES = 256
_MAX_REASON_BYTES = 123


@dataclass(frozen=True)
class Bounds:
    """How large a message may be, how much more of it is read and discarded, and where it is kept."""

    message_bytes: int
    discard_bytes: int
    held: Room


class _Arriving:
    """A message that is not complete."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._parts: list[bytes] = []
        self._file: MemoryFile | None = None
        self.size_bytes = self.held_bytes = 0

    def add(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._bounds.message_bytes:
            if self.size_bytes > self._bounds.message_bytes + self._bounds.discard_bytes:
                raise LimitError("the message is far larger than the limit")
            self.forget()
            return
        self._bounds.held.take(len(data))
        self.held_bytes += len(data)
        if self._file is not None:
            self._file.append(data)
        elif data:
            self._parts.append(data)
            if self.size_bytes > LARGE_BYTES:
                self._file = MemoryFile()
                for part in self._parts:
                    self._file.append(part)
                self._parts = []

    def content(self) -> bytes | MemoryFile:
        return self._file if self._file is not None else b"".join(self._parts)

    def forget(self) -> None:
        self._bounds.held.give_back(self.held_bytes)
        self.held_bytes, self._parts = 0, []
        if self._file is not None:
            self._file.close()
            self._file = None


class _Receiver(asyncio.Protocol):
    """Takes the bytes of a connection in place of aiohttp, which keeps everything else."""

    def __init__(self, transport: asyncio.Transport, bounds: Bounds, on_ping: Callable[[bytes], None]) -> None:
        self._transport = transport
        self._below = transport.get_protocol()
        self._bounds = bounds
        self._on_ping = on_ping
        self._parser = FrameParser()
        self._arriving: _Arriving | None = None
        self._complete: deque[tuple[Frame, _Arriving]] = deque()
        self._complete_bytes = 0
        self._paused = False
        self._end: GatewayError | None = None
        self.gone = False
        self.heard_seconds = time.monotonic()
        self._changed = asyncio.Event()
        transport.set_protocol(self)

    async def receive(self) -> Frame | None:
        while not self._complete:
            if self._end is not None:
                raise self._end
            if self.gone:
                return None
            self._changed.clear()
            await self._changed.wait()
        frame, arrived = self._complete.popleft()
        self._bounds.held.give_back(arrived.held_bytes)
        self._complete_bytes -= frame.size_bytes
        self._flow()
        return frame

    def forget(self) -> None:
        """Nobody will receive what has come, or comes."""
        self._end = self._end or GatewayError("closed")
        for arriving in [each for _, each in self._complete] + ([self._arriving] if self._arriving else []):
            arriving.forget()
        self._complete.clear()
        self._complete_bytes, self._arriving = 0, None
        self._flow()

    # asyncio's side.

    def data_received(self, data: bytes) -> None:
        if self.gone:
            return
        try:
            for item in self._parser.feed(data):
                self._take(item)
        except GatewayError as e:
            self._end = self._end or e
            self._changed.set()

    def eof_received(self) -> bool | None:
        return self._below.eof_received() if isinstance(self._below, asyncio.Protocol) else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._below.connection_lost(exc)

    def pause_writing(self) -> None:
        self._below.pause_writing()

    def resume_writing(self) -> None:
        self._below.resume_writing()

    def _take(self, item: Chunk | Control) -> None:
        if isinstance(item, Control):
            self._control(item)
        elif self._end is None:
            self.heard_seconds = time.monotonic()
            self._arriving = self._arriving or _Arriving(self._bounds)
            self._arriving.add(item.data)
            if item.last:
                arrived, self._arriving = self._arriving, None
                self._complete.append((Frame(item.kind, arrived.content(), arrived.size_bytes), arrived))
                self._complete_bytes += arrived.size_bytes
                self._changed.set()
                self._flow()

    def _control(self, item: Control) -> None:
        if item.opcode == PING:
            self._on_ping(item.data)
        elif item.opcode == CLOSE:
            self._leave()
            # aiohttp waits for it when the connection is closed. It takes frames that are not masked as well.
            assert isinstance(self._below, asyncio.Protocol)
            self._below.data_received(bytes([0x80 | CLOSE, len(item.data)]) + item.data)

    def _leave(self) -> None:
        self.gone = True
        self._changed.set()

    def _flow(self) -> None:
        """Let the client send while there is room for it."""
        full = self._complete_bytes > _AHEAD_BYTES or len(self._complete) > _AHEAD_MESSAGES
        if full != self._paused and not self._transport.is_closing():
            self._paused = full
            (self._transport.pause_reading if full else self._transport.resume_reading)()


class WebSocket:
    def __init__(self, request: web.Request, response: web.WebSocketResponse, options: settings.Server) -> None:
        self._request = request
        self._response = response
        self._linger_seconds = options.close_linger_seconds
        self._newest_ping: bytes | None = None
        self._pong: asyncio.Task[None] | None = None
        self._receiver: _Receiver | None = None
        self._probe_when_quiet(options.keepalive_seconds)

    def take_over(self, bounds: Bounds) -> None:
        """Read from now on: at once after the handshake, before the client could say anything."""
        if self._request.transport is not None:
            self._receiver = _Receiver(self._request.transport, bounds, self._answer_ping)

    async def receive(self) -> Frame | None:
        return await self._receiver.receive() if self._receiver is not None else None

    @property
    def quiet_seconds(self) -> float:
        return time.monotonic() - self._receiver.heard_seconds if self._receiver is not None else 0.0

    async def send(self, data: bytes) -> None:
        # A client that went away is no error: the reader notices, and the session ends there.
        try:
            await self._response.send_frame(data, WSMsgType.TEXT)
        except ConnectionError:
            await asyncio.Event().wait()

    async def close(self, code: int, reason: str) -> None:
        if self._pong:
            self._pong.cancel()
        if self._receiver is not None:
            self._receiver.forget()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(self._linger_seconds):
                await self._response.close(code=code, message=_close_reason(reason), drain=False)
        if self._request.transport is not None:
            # What a client never reads would otherwise keep the socket for as long as the kernel pleases.
            self._request.transport.abort()

    def _probe_when_quiet(self, idle_seconds: int) -> None:
        """Not with Pings: lock-step clients answer those only while they wait for a reply."""
        if self._request.transport is not None:
            connection = self._request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ((socket.TCP_KEEPIDLE, max(1, idle_seconds)), (socket.TCP_KEEPINTVL, 15)):
                connection.setsockopt(socket.IPPROTO_TCP, option, value)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)

    def _answer_ping(self, data: bytes) -> None:
        """One Pong at a time, the newest Ping's: while the client reads nothing, older ones pass (RFC 6455, 5.5.3)."""
        self._newest_ping = data
        if self._pong is None or self._pong.done():
            self._pong = asyncio.get_running_loop().create_task(self._send_pongs())

    async def _send_pongs(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (data := self._newest_ping) is not None:
                self._newest_ping = None
                await self._response.pong(data)


def _close_reason(text: str) -> bytes:
    """As much as a Close frame holds, in whole characters; clients write some of it, not all of which is Unicode."""
    return text.encode(errors="replace")[:_MAX_REASON_BYTES].decode(errors="ignore").encode()
