"""One connection: a reader that never waits for a model or for the client to read, the work, and a writer.

The reader gives each message a slot in the outbox and the protocol's commands their due; the work turns audio into
events; the writer sends what the slots hold, in order. Whatever ends the connection ends here.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from frontend.backlog import Backlog
from frontend.conversation import Audio, Command, HangUp, Message, Refuse, Reply, Start, Task, Text
from frontend.errors import GatewayError, LimitError
from frontend.logs import Log
from frontend.metrics import Metrics
from frontend.outbox import Outbox, Slot
from frontend.protocols.base import WireProtocol
from frontend.speech import SpeechService

_MESSAGES_WITHOUT_PAUSE = 8
GOING_AWAY = HangUp(1001, "the gateway is going away")


class Socket(Protocol):
    """The connection as the session needs it."""

    async def receive(self) -> Message | None:
        """The next message; None when the client is gone. Pings are answered below."""
        ...

    async def send(self, data: bytes) -> None: ...

    async def close(self, code: int, reason: str) -> None:
        """Send the Close frame, then read and discard until the client closes or a short time has passed."""
        ...


@dataclass(frozen=True)
class Means:
    """What a session works with."""

    speech: SpeechService
    outbox: Outbox
    backlog: Backlog
    metrics: Metrics
    log: Log
    max_message_bytes: int = 1 << 20


class Session:
    def __init__(self, socket: Socket, protocol: WireProtocol, means: Means) -> None:
        self._socket = socket
        self._protocol = protocol
        self._speech = means.speech
        self._outbox = means.outbox
        self._backlog = means.backlog
        self._metrics = means.metrics
        self._log = means.log
        self._max_message_bytes = means.max_message_bytes
        self._awaiting: deque[Slot] = deque()
        self._tasks: set[asyncio.Task[HangUp | None]] = set()
        self._without_pause = 0
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[HangUp] = self._loop.create_future()

    async def run(self) -> None:
        """Until the client is gone or the conversation is over."""
        self._spawn(self._read())
        self._spawn(self._write())
        ending = HangUp(1011, "internal error")
        try:
            ending = await self._ended
        except asyncio.CancelledError:
            ending = GOING_AWAY
            raise
        except GatewayError as e:
            ending = HangUp(e.close_code, str(e))
            self._count(e)
        except Exception as e:  # nobody expected it: the client is told so, the others never notice
            self._log.exception("the session failed", e)
        finally:
            await self._finish(ending)

    async def drain(self, timeout_seconds: float) -> None:
        """Answer what has arrived, then close: the gateway is stopping."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._outbox.emptied()
        if not self._ended.done():
            self._ended.set_result(GOING_AWAY)

    async def _finish(self, ending: HangUp) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outbox.clear()
        await self._backlog.close()
        await self._socket.close(ending.code, ending.reason)
        self._metrics.closed.labels(self._protocol.name, str(ending.code)).inc()
        self._log.info("closed", code=ending.code, reason=ending.reason or "-")

    def _spawn(self, work: Coroutine[Any, Any, HangUp | None]) -> None:
        """Run beside the others; a HangUp or an error that comes of it ends the session."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[HangUp | None]) -> None:
        if task.cancelled() or self._ended.done():
            return
        if error := task.exception():
            self._ended.set_exception(error)
        elif ending := task.result():
            self._ended.set_result(ending)

    async def _read(self) -> HangUp:
        over = False
        while (message := await self._socket.receive()) is not None:
            await self._give_way()
            if over:
                continue  # read and discarded, so that the Close is not lost in a reset
            kind = "text" if isinstance(message, str) else "binary"
            self._metrics.messages.labels(self._protocol.name, kind).inc()
            slot = self._outbox.place(self._loop.time())
            for command in self._commands(message):
                await self._act(command, slot)
                over = over or isinstance(command, HangUp)
        return HangUp()

    def _commands(self, message: Message) -> list[Command]:
        """What the message asks for; understood whole or not at all."""
        if len(message) > self._max_message_bytes:
            error = LimitError(f"the message is larger than {self._max_message_bytes} bytes")
            self._count(error)
            return [HangUp(error.close_code, str(error))]
        return list(self._protocol.receive(message))

    async def _give_way(self) -> None:
        """What waits already is handled without a pause; after a few messages the other connections have their turn."""
        self._without_pause += 1
        if self._without_pause % _MESSAGES_WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)

    async def _work(self, task: Task) -> None:
        async for event in task.run(self._backlog, self._speech):
            slot = self._awaiting.popleft()
            await self._give_way()
            for command in self._protocol.send(event):
                await self._act(command, slot)

    async def _write(self) -> HangUp:
        while not isinstance(content := await self._outbox.take(), HangUp):
            await self._socket.send(content.encode())
            await self._give_way()
        return content

    async def _act(self, command: Command, slot: Slot) -> None:
        match command:
            case Reply(text):
                self._answer(slot, text)
            case Refuse(text, reason):
                self._count(reason)
                self._answer(slot, text)
            case Start(task):
                self._spawn(self._work(task))
            case Audio(data):
                self._awaiting.append(slot)
                await self._backlog.put(data)
            case HangUp():
                self._outbox.fill(slot, command)

    def _answer(self, slot: Slot, text: Text) -> None:
        self._metrics.reply_seconds.labels(self._protocol.name).observe(self._loop.time() - slot.arrived_seconds)
        self._outbox.fill(slot, text)

    def _count(self, error: GatewayError) -> None:
        self._metrics.errors.labels(self._protocol.name, error.code).inc()
        self._log.warning("refused", code=error.code, reason=str(error))
