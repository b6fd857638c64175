"""A client at the other end of a session, that sends what it is told to and reads when it is told to."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

from frontend.connection.websocket import Listener as SocketListener
from frontend.dialogue.messages import LARGE_BYTES, RawMessage
from frontend.errors import GatewayError
from frontend.memory.budget import Budget
from frontend.memory.memory_file import MemoryFile
from tests.frontend.fakes import budget


def raw(message: str | bytes, held: Budget | None = None) -> RawMessage:
    """As the socket gives it: large ones outside the heap."""
    data = message.encode() if isinstance(message, str) else message
    content: bytes | MemoryFile = data
    if len(data) > LARGE_BYTES:
        content = MemoryFile()
        content.append(data)
    lease = (held or budget()).lease(len(data))
    return RawMessage("text" if isinstance(message, str) else "binary", content, len(data), lease)


class Reading:
    """Whether the client reads."""

    def __init__(self) -> None:
        self.on = True
        self.goes_on: Callable[[], None] = lambda: None

    def set(self) -> None:
        self.on = True
        self.goes_on()

    def clear(self) -> None:
        self.on = False


class ScriptedSocket:
    """A client that sends what it is told to, and reads only while `reading` is set.

    Like the real one it hands a few messages on between two turns of the event loop, and none while it is held back.
    """

    def __init__(self, held: Budget) -> None:
        self.incoming: asyncio.Queue[str | bytes | RawMessage | GatewayError | None] = asyncio.Queue()
        self.sent: list[str] = []
        self.reading = Reading()
        self.has_left = False
        self.closed: tuple[int, str] | None = None
        self.over = asyncio.Event()
        # How long nothing had come, each time somebody asks; later for ever.
        self.quiet: list[float] = []
        self._held = held
        self._changed = asyncio.Event()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._delivering: asyncio.Task[None] | None = None

    def listen(self, listener: SocketListener) -> None:
        self.reading.goes_on = listener.writable
        self._delivering = asyncio.get_running_loop().create_task(self._deliver(listener))

    def hold_back(self, held_back: bool) -> None:
        (self._may_send.clear if held_back else self._may_send.set)()

    @property
    def writable(self) -> bool:
        return self.reading.on

    @property
    def quiet_seconds(self) -> float:
        return self.quiet.pop(0) if self.quiet else float("inf")

    def send(self, data: bytes) -> None:
        self.sent.append(data.decode())
        self._changed.set()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        if self._delivering is not None:
            self._delivering.cancel()
        self.over.set()

    async def until_sent(self, count: int) -> Sequence[str]:
        async with asyncio.timeout(50):
            while len(self.sent) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.sent

    async def _deliver(self, listener: SocketListener) -> None:
        for number in itertools.count(1):
            message = await self.incoming.get()
            await self._may_send.wait()
            if message is None:
                listener.gone()
            elif isinstance(message, GatewayError):
                listener.broken(message)
            else:
                self._give(message, listener)
            if number % 8 == 0:
                await asyncio.sleep(0)

    def _give(self, message: str | bytes | RawMessage, listener: SocketListener) -> None:
        try:
            listener.message(message if isinstance(message, RawMessage) else raw(message, self._held))
        except GatewayError as e:  # no room for it
            listener.broken(e)
