"""A WebSocket without a network: its transport keeps what is written, its listener what is heard."""

import asyncio
import socket
from collections.abc import Callable

from frontend.config import settings
from frontend.connection.arriving import Bounds
from frontend.connection.framing import CLOSE, close_payload
from frontend.connection.gathering import Gathering
from frontend.connection.websocket import WebSocket
from frontend.connection.writing import Writes
from frontend.dialogue.messages import RawMessage
from frontend.errors import GatewayError
from tests.frontend.connection.rfc6455 import frame
from tests.frontend.fakes import budget


class Connection:
    """A socket whose options are kept, or that is gone already."""

    def __init__(self, is_gone: bool = False) -> None:
        self.options: dict[tuple[int, int], int] = {}
        self._is_gone = is_gone

    def setsockopt(self, level: int, option: int, value: int) -> None:
        if self._is_gone:
            raise OSError("Bad file descriptor")
        self.options[level, option] = value

    @property
    def keepalive_seconds(self) -> int:
        return self.options[socket.IPPROTO_TCP, socket.TCP_KEEPIDLE]


class ScriptedTransport(asyncio.Transport):
    def __init__(self, connection: Connection | None = None) -> None:
        super().__init__({"socket": connection or Connection()})
        self.below = asyncio.Protocol()  # who had it before
        self.protocol: asyncio.BaseProtocol = self.below
        self.written: list[bytes] = []
        self.paused = self.eof = self.closing = self.aborted = False
        # Whether closing has an end before it is aborted: a client that reads nothing keeps it open.
        self.closes = True

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            if self.closes:
                asyncio.get_running_loop().call_soon(self.lose, None)

    def abort(self) -> None:
        self.aborted = True

    def lose(self, error: Exception | None) -> None:
        self.closing = True
        self.protocol.connection_lost(error)


class Heard:
    """A listener that keeps what it is told, and does `then` with each message."""

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []
        self.errors: list[GatewayError] = []
        self.times_writable = self.times_gone = 0
        self.then: Callable[[], None] = lambda: None

    def message(self, message: RawMessage) -> None:
        self.messages.append(message)
        self.then()

    def writable(self) -> None:
        self.times_writable += 1

    def broken(self, error: GatewayError) -> None:
        self.errors.append(error)

    def gone(self) -> None:
        self.times_gone += 1

    @property
    def contents(self) -> list[bytes]:
        return [message.data() for message in self.messages]


class AtOnce(Writes):
    """For who looks at what is written and not at when, or writes past it."""

    def soon(self, write: Callable[[], None]) -> None:
        write()


class Wire:
    """A WebSocket with both its ends in hand."""

    def __init__(
        self,
        held_bytes: int = 1 << 30,
        message_bytes: int = 1 << 20,
        discard_bytes: int = 1 << 20,
        linger_seconds: float = 10.0,
        transport: ScriptedTransport | None = None,
    ) -> None:
        self.held, self.heard = budget(held_bytes), Heard()
        self.transport = transport or ScriptedTransport()
        self.below = self.transport.below
        options = settings.Server(close_linger_seconds=linger_seconds)
        bounds = Bounds(message_bytes, discard_bytes, self.held)
        self.socket = WebSocket(self.transport, bounds, options, self.gathering(), self.writes())

    def gathering(self) -> Gathering:
        """Nothing waits."""
        return Gathering()

    def writes(self) -> Writes:
        return AtOnce()

    def listening(self) -> "Wire":
        self.socket.listen(self.heard)
        return self

    def receive(self, *frames: bytes) -> None:
        """All at once, as one read brings it."""
        self.socket.data_received(b"".join(frames))

    async def closing(self, code: int = 1000, reason: str = "") -> "asyncio.Task[None]":
        """The Close of our own is on its way."""
        task = asyncio.create_task(self.socket.close(code, reason))
        await turn()
        return task


def client_close(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, close_payload(code, reason))


async def turn(times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(0)
