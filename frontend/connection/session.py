"""One connection, synchronous until something must wait.

A message is understood by the protocol in the call that brought it; what it asks for is begun there, and answered there
where the answer is known. Only what must wait does: a job, a full disk, a large message that another process reads. The
messages behind it wait in the inbox, so that all are handled in the order in which they came. Whatever ends the
connection ends here.
"""

import asyncio
import contextlib
import functools
from typing import Protocol

from frontend.config.settings import Limits
from frontend.connection.conversation import Client, Conversation
from frontend.connection.inbox import Inbox
from frontend.connection.outbox import Slot
from frontend.connection.reading import read_at_once, read_elsewhere
from frontend.connection.websocket import Listener
from frontend.dialogue.commands import HangUp
from frontend.dialogue.messages import JsonMessage, Message, RawMessage
from frontend.dialogue.services import Services
from frontend.errors import ClientError, GatewayError, QuotaError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import WireProtocol
from frontend.telemetry.logs import Log

# So much is counted at once for whoever sends it: most messages cost no more than an addition.
_COUNTED_BYTES = 1 << 20
# A client that is held back is looked at so often.
_LOOK_SECONDS = 1.0
GOING_AWAY = HangUp(1001, "the gateway is going away")


class Socket(Client, Protocol):
    """The connection as the session needs it. Pings are answered below."""

    def listen(self, listener: Listener) -> None: ...

    def hold_back(self, held_back: bool) -> None:
        """Whether the client has to wait before it sends more."""
        ...

    @property
    def has_left(self) -> bool:
        """Whether the client has ended the connection, which nobody is told of while it is held back."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say so, then read and discard until the client closes or a short time has passed."""
        ...


class Session(Listener):
    """Serves one client: `begin()` in the call that accepts it, `await run()` to the end, then `await outlive()`."""

    def __init__(self, socket: Socket, protocol: WireProtocol, services: Services, limits: Limits, log: Log) -> None:
        self._socket, self._limits, self._log = socket, limits, log
        self._media, self._metrics, self.visit = services.media, services.metrics, services.visit
        self._uncounted_bytes = 0
        self._refused = False  # for having sent too much
        self._conversation = Conversation(socket, protocol, services, limits, log)
        self._conversation.jobs.on_room = self._flow
        self._stream = self._conversation.stream
        self._inbox = Inbox(self._handle, self._flow)
        self._looking: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """At once after the handshake: before the client could say anything. What fails here ends the conversation."""
        for step in (self._conversation.begin, functools.partial(self._socket.listen, self)):
            try:
                step()
            except Exception as e:
                self._conversation.fail(e)

    async def run(self) -> None:
        """Until the client is gone or the conversation is over."""
        ending = GOING_AWAY
        try:
            ending = await self._conversation.ended
            if self._stream.audio.interrupted and ending == HangUp():  # its client had not come to an end
                ending = GOING_AWAY
        finally:
            await self._finish(ending)

    async def outlive(self) -> None:
        """After run: let a task that outlives its client finish, within a time; none where run was cancelled."""
        work = asyncio.current_task()
        seconds = 0.0 if work is not None and work.cancelling() else self._limits.outlive_seconds
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stream.finished()
        finally:
            await self._stream.close()

    async def drain(self, timeout_seconds: float) -> None:
        """Answer what has arrived, then close: the gateway is stopping. A stream that would go on ends here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                if not self._stream.answers:
                    self._stream.audio.end(interrupted=True)
                    await self._stream.finished()
                await self._conversation.outbox.emptied()
        self._conversation.end(GOING_AWAY)

    # What happens on the connection.

    def message(self, message: RawMessage) -> None:
        if self._conversation.over or self._refused:
            message.close()  # read and discarded, so that the Close is not lost in a reset
            return
        self._conversation.metrics.count_message(message.kind)
        self._uncounted_bytes += message.size_bytes
        try:
            if self._uncounted_bytes >= _COUNTED_BYTES:
                self._count()
            self._inbox.put(message, self._conversation.place())
        except QuotaError as e:
            message.close()
            self._refused = True
            self.broken(e)
        except GatewayError as e:
            message.close()
            self._conversation.fail(e)

    def broken(self, error: GatewayError) -> None:
        """Behind the answers to what was understood."""
        if not self._conversation.over:
            self._inbox.last(lambda: self._conversation.refuse(error, self._conversation.place()))

    def gone(self) -> None:
        """Audio that has arrived belongs to its stream, however that ends."""
        if self._conversation.protocol.profile.json_frames:
            self._conversation.end(HangUp())
        else:
            self._inbox.last(lambda: self._conversation.end(HangUp()))

    def writable(self) -> None:
        self._conversation.outbox.flush()

    def turn_away(self, error: ClientError) -> None:
        """The client may not go on."""
        self._conversation.fail(error)

    def _count(self) -> None:
        """What came, for whoever sends it; QuotaError where that is more than it may."""
        size_bytes, self._uncounted_bytes = self._uncounted_bytes, 0
        if self.visit is not None:
            self.visit.received(size_bytes)
            self.visit.check()

    # One message after the other.

    def _handle(self, raw: RawMessage, slot: Slot) -> asyncio.Task[None] | None:
        """Handle a message; what it has to wait for comes back as the task that does."""
        talk = self._conversation
        try:
            if talk.over:
                raw.close()
                talk.outbox.close(slot)  # what is said at the end is behind it
                return None
            if raw.size_bytes > talk.limit_bytes:
                talk.settle(raw)
            waits = self._stream.audio.full or talk.jobs.full
            message = None if waits else read_at_once(raw, talk.protocol)
            if message is None or isinstance(message, MemoryFile):
                return asyncio.get_running_loop().create_task(self._handle_slowly(raw, slot))
            if isinstance(message, JsonMessage):
                self._receive(raw, message, slot)
            else:
                talk.receive(raw, message, slot)
        except Exception as e:
            raw.close()
            talk.refuse(e, slot)
        return None

    async def _handle_slowly(self, raw: RawMessage, slot: Slot) -> None:
        talk = self._conversation
        try:
            await talk.jobs.room()
            if self._stream.audio.full:
                await self._stream.audio.make_room()
            message = read_at_once(raw, talk.protocol)
            if message is None:
                message = await read_elsewhere(raw, self._media)
            file = self._receive(raw, message, slot)
            if file is not None:
                await self._stream.audio.put_file(file)
                raw.close()
        except Exception as e:
            raw.close()
            talk.refuse(e, slot)

    def _receive(self, raw: RawMessage, message: Message, slot: Slot) -> MemoryFile | None:
        try:
            return self._conversation.receive(raw, message, slot)
        except Exception:
            if isinstance(message, JsonMessage) and isinstance(message.audio, MemoryFile):
                message.audio.close()  # nobody holds it yet
            raise

    def _flow(self) -> None:
        """Whoever is far ahead waits."""
        held_bytes = self._inbox.held_bytes + self._conversation.jobs.held_bytes
        held_back = self._inbox.is_long or held_bytes > self._limits.inbox_bytes
        # What a message says of its sender must be known before it is decided what is kept of the next one.
        unknown = self.visit is not None and self.visit.needs_key and self._inbox.is_busy
        self._socket.hold_back(held_back or unknown)
        if held_back and self._looking is None and self._conversation.protocol.profile.json_frames:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Work is not done for who left while it had to wait."""
        self._looking = None
        if self._socket.has_left:
            self.gone()
        elif not self._conversation.over:
            self._flow()

    async def _finish(self, ending: HangUp) -> None:
        self._conversation.over = True
        with contextlib.suppress(QuotaError):  # it is over anyway
            self._count()
        if self._looking is not None:
            self._looking.cancel()
        await self._inbox.close()
        await self._conversation.close()
        await self._socket.close(ending.code, ending.reason)
        if self._metrics is not None:
            self._metrics.closed.labels(self._conversation.protocol.profile.name, str(ending.code)).inc()
        self._log.info("closed", code=ending.code, reason=ending.reason or "-")
