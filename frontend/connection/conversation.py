"""What is said on one connection: messages become commands, commands are done, events become answers.

Everything here happens in the call that brings it; who has to wait comes back with an event. The first hang-up ends it.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from frontend.config.settings import Limits
from frontend.connection.audio_queue import AudioQueue
from frontend.connection.jobs import Held, Jobs
from frontend.connection.outbox import Outbox, Sender, Slot
from frontend.connection.spool import Spool
from frontend.connection.stream import ConnectionStream
from frontend.dialogue import commands as c
from frontend.dialogue.commands import Command, HangUp, Text
from frontend.dialogue.events import Event, Failed, TimedOut
from frontend.dialogue.messages import Message, RawMessage
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Job
from frontend.errors import ClientError, GatewayError, LimitError, OverloadedError, QuotaError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import WireProtocol, understood
from frontend.telemetry.logs import Log


class Client(Sender, Protocol):
    """Who is at the other end, as the conversation knows them."""

    @property
    def quiet_seconds(self) -> float:
        """How long nothing of any message has come."""
        ...


class _Asked:
    """A message in hand, and what has to wait of what it asks for."""

    __slots__ = ("file", "jobs", "raw", "slot")

    def __init__(self, raw: RawMessage, slot: Slot) -> None:
        self.raw, self.slot = raw, slot
        self.jobs: list[Job] = []
        self.file: MemoryFile | None = None


class Conversation:
    """Of one client with one protocol; `ended` is how it ends. Once it is `over` nothing more is heard."""

    def __init__(self, client: Client, protocol: WireProtocol, services: Services, limits: Limits, log: Log) -> None:
        assert services.held is not None
        assert services.spooled is not None
        assert services.metrics is not None
        self._client, self.protocol, self._limits, self._log = client, protocol, limits, log
        self._all_metrics = services.metrics
        self.metrics = services.metrics.of(protocol.profile.name)
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox(client, limits.outbox_bytes, services.held.lease())
        self.outbox.on_hang_up = self.end
        spool = Spool(Path(limits.spool_directory), services.spooled)
        audio = AudioQueue(services.held, limits.backlog_memory_bytes, spool)
        self.stream = ConnectionStream(audio, services, self.happened, self._stream_failed, log)
        self.jobs = Jobs(services, log, self.happened)
        self._alarm: asyncio.TimerHandle | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self.over = False
        self.limit_bytes = -1  # of a message; nothing was heard yet
        self.ended: asyncio.Future[HangUp] = self._loop.create_future()

    def begin(self) -> None:
        slot = self.place()
        self._do(self.protocol.begin(), slot)
        self.outbox.close(slot)

    def place(self) -> Slot:
        """Where the answers of a message go that has just come."""
        return self.outbox.place(self._loop.time())

    async def close(self) -> None:
        """Leave nothing behind but a task that outlives its client."""
        self.over = True
        for timer in filter(None, (self._alarm, self._farewell)):
            timer.cancel()
        await self.jobs.stop()
        await self.stream.leave()
        self.outbox.clear()

    # From messages to commands.

    def settle(self, raw: RawMessage) -> None:
        """A message that is too large, or the first, which may say which protocol it is, and how large each may be."""
        if self.limit_bytes < 0:
            before, self.protocol = self.protocol, self.protocol.settled(raw)
            if self.protocol is not before:
                self.begin()
            self.limit_bytes = getattr(self._limits, self.protocol.profile.message_limit)
        if raw.size_bytes > self.limit_bytes:
            raise LimitError(f"the message is larger than {self.limit_bytes} bytes")

    def receive(self, raw: RawMessage, message: Message, slot: Slot) -> MemoryFile | None:
        """Do what the message asks for, understood whole or not at all. A file of audio is left to the caller."""
        asked = _Asked(raw, slot)
        self._do(understood(self.protocol, message), slot, asked)
        if asked.jobs or not isinstance(message, str | bytes):
            self._keep(asked, message)
        else:
            raw.close()
        self.outbox.close(slot)
        return asked.file

    def _keep(self, asked: _Asked, message: Message) -> None:
        """For as long as somebody works on it."""
        if asked.file is None:
            held = Held(asked.raw, message)
            if asked.jobs:
                self.jobs.add(asked.jobs, asked.slot, held)
            held.close()

    def _hear(self, audio: c.Audio, asked: _Asked) -> None:
        if audio.answered:
            self.stream.await_answer(asked.slot)
        if isinstance(audio.data, MemoryFile):
            asked.file = audio.data
        else:
            queue = self.stream.audio
            lease = asked.raw.lease if audio.data is asked.raw.content else queue.lease(len(audio.data))
            queue.put(audio.data, lease, apart=audio.answered or audio.packet)

    # From events to commands.

    def happened(self, event: Event, slot: Slot | None) -> None:
        """It answers a message, and was all that was owed for it; or it is said behind everything else."""
        try:
            if not self.ended.done():
                slot = slot or self.place()
                self._do(self.protocol.send(event), slot)
                self.outbox.close(slot)
        except Exception as e:
            self.fail(e)

    def _stream_failed(self, error: Exception, slot: Slot | None) -> None:
        if isinstance(error, GatewayError):
            self._count(error)
        else:
            self._log.exception("the work failed", error)
        failure = error if isinstance(error, GatewayError) else GatewayError("internal error")
        ending = HangUp(failure.close_code, str(failure))
        try:  # the messages behind get no answer: hanging up takes the same slot
            self._do((*self.protocol.send(Failed(failure)), ending), slot or self.place())
        except Exception as e:
            self.fail(e)

    def _do(self, commands: Iterable[Command], slot: Slot, asked: _Asked | None = None) -> None:
        """`asked` gathers what has to wait, where the commands are a message's."""
        pushed = []
        for command in commands:
            if isinstance(command, c.Reply):
                self._answer(slot, command.text)
            elif isinstance(command, c.Audio) and asked is not None:
                self._hear(command, asked)
            elif isinstance(command, c.Ask) and asked is not None:
                asked.slot.owed += 1
                asked.jobs.append(command.job)
            elif isinstance(command, c.Push):
                pushed.append(slot := self.place())  # what follows, like hanging up, comes behind it
                self.outbox.fill(slot, command.text)
            else:
                self._act(command, slot)
        for each in pushed:
            self.outbox.close(each)

    def _act(self, command: Command, slot: Slot) -> None:
        match command:
            case c.Refuse(text, reason):
                self._count(reason)
                self._answer(slot, text)
            case c.Start(task):
                self.stream.begin(task, self.protocol.profile.name)
            case c.Flush() if not self.stream.audio.flush():
                self._stream_failed(OverloadedError("too much was asked for that is not answered yet"), slot)
            case c.EndOfAudio():
                self.stream.audio.end()
            case c.Alarm():
                self._set_alarm(command)
            case c.Count(request):
                self._all_metrics.count(request, self._loop.time() - slot.arrived_seconds)
            case c.HangUp():
                self._hang_up(command, slot)

    def _answer(self, slot: Slot, text: Text) -> None:
        self.metrics.observe_reply(self._loop.time() - slot.arrived_seconds)
        self.outbox.fill(slot, text)

    def _set_alarm(self, alarm: c.Alarm) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if alarm.seconds is None else self._loop.call_later(alarm.seconds, self._ring, alarm)

    def _ring(self, alarm: c.Alarm) -> None:
        left_seconds = 0.0 if alarm.strict else (alarm.seconds or 0.0) - self._client.quiet_seconds
        if left_seconds > 0:  # a large message may be on its way
            self._alarm = self._loop.call_later(left_seconds, self._ring, alarm)
        else:
            self._alarm = None
            self.happened(TimedOut(), None)

    # How it ends.

    def refuse(self, error: Exception, slot: Slot) -> None:
        """Of a message: a client's mistake ends the conversation behind the answers before it."""
        if isinstance(error, ClientError) and not self.over:
            if isinstance(error, QuotaError):  # in the protocol's own words, which count it
                self._do(self.protocol.refuse(error), slot)
            else:
                self._count(error)
            self._hang_up(HangUp(error.close_code, str(error)), slot)
            self.outbox.close(slot)
        else:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """The conversation cannot go on."""
        if self.ended.done():
            return
        if isinstance(error, GatewayError):
            self._count(error)
            self.end(HangUp(error.close_code, str(error)))
        else:  # nobody expected it: the client is told so, the others never notice
            self._log.exception("the session failed", error)
            self.end(HangUp(1011, "internal error"))

    def end(self, ending: HangUp) -> None:
        if not self.ended.done():
            self.over = True
            self.ended.set_result(ending)

    def _hang_up(self, ending: HangUp, slot: Slot) -> None:
        """Nothing more is heard; what was said before is sent first, if the client reads it in time."""
        self.over = True
        self.outbox.fill(slot, ending)
        if self._farewell is None:
            unread = HangUp(1013, "the last answers were not read")
            self._farewell = self._loop.call_later(self._limits.farewell_seconds, self.end, unread)

    def _count(self, error: GatewayError) -> None:
        self._all_metrics.errors.labels(self.protocol.profile.name, error.code).inc()
        self._log.warning("refused", code=error.code, reason=str(error))
