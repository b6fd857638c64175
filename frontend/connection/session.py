"""One connection: a reader that never waits for a model or for the client to read, the work, and a writer.

The reader gives each message a slot in the outbox and puts it into the inbox; the conversation gives the protocol's
commands their due; tasks and jobs turn audio into events; the writer sends what the slots hold, in order. Whatever ends
the connection ends here.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable

from frontend.connection.inbox import Letter
from frontend.connection.means import Means
from frontend.connection.outbox import Slot
from frontend.connection.workers import Crew, Pace, Work
from frontend.dialogue import commands as c
from frontend.dialogue.commands import Command, Event, Failed, HangUp, Job, Task, Text
from frontend.dialogue.events import TimedOut
from frontend.dialogue.messages import Frame, Socket
from frontend.errors import GatewayError, LimitError
from frontend.protocols.base import WireProtocol

_MESSAGE_BYTES = 32 << 10  # a larger one counts as several
GOING_AWAY = HangUp(1001, "the gateway is going away")


class Session:
    def __init__(self, socket: Socket, protocol: WireProtocol, means: Means) -> None:
        self._socket, self._protocol, self._means = socket, protocol, means
        self._inbox, self._outbox, self._backlog = means.inbox, means.outbox, means.backlog
        self._metrics, self._log = means.metrics, means.log
        self._awaiting: deque[Slot] = deque()
        self._jobs: asyncio.Queue[tuple[Job, Letter]] = asyncio.Queue()
        self._crew = Crew(means.log)
        self._working: Work | None = None
        self._pushing: Work | None = None  # what takes audio whose messages get no answers of their own
        self._outliving: Work | None = None
        self._alarm: Work | None = None
        self._pace, self._over = Pace(), False
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Until the client is gone or the conversation is over."""
        for work in (self._read(), self._converse(), self._do_jobs(), self._write()):
            self._crew.add(work)
        ending = HangUp(1011, "internal error")
        try:
            ending = await self._crew.ended
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

    async def outlive(self) -> None:
        """After run: let a task that outlives its client finish, within a time."""
        try:
            if self._outliving is not None:
                await asyncio.wait({self._outliving}, timeout=self._means.limits.outlive_seconds)
        finally:
            await self._crew.stop()
            await self._backlog.close()

    async def drain(self, timeout_seconds: float) -> None:
        """Answer what has arrived, then close: the gateway is stopping. A stream that would go on ends here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                if (hearing := self._outliving or self._pushing) is not None:
                    self._backlog.end(interrupted=True)
                    await asyncio.wait({hearing})
                await self._outbox.emptied()
        self._crew.end(GOING_AWAY)

    async def _finish(self, ending: HangUp) -> None:
        self._over = True
        self._backlog.end(interrupted=True)
        await self._crew.stop(except_for=self._outliving)
        self._inbox.clear()
        self._outbox.clear()
        await self._socket.close(ending.code, ending.reason)
        self._metrics.closed.labels(self._protocol.profile.name, str(ending.code)).inc()
        self._log.info("closed", code=ending.code, reason=ending.reason or "-")

    # What comes in.

    async def _read(self) -> HangUp:
        while (frame := await self._socket.receive()) is not None:
            try:
                await self._let_in(frame)
            except BaseException:  # there was no room, or the session ended meanwhile: nobody else knows of it
                frame.close()
                raise
        if not self._protocol.profile.json_frames:  # audio that has arrived belongs to its stream, however that ends
            await self._inbox.emptied()
        return HangUp()

    async def _let_in(self, frame: Frame) -> None:
        await self._pace.give_way()
        if self._over:
            frame.close()  # read and discarded, so that the Close is not lost in a reset
            return
        self._metrics.messages.labels(self._protocol.profile.name, frame.kind).inc()
        await self._inbox.put(frame, self._place())

    async def _converse(self) -> None:
        beginning = self._place()
        await self._do(self._protocol.begin(), beginning)
        self._outbox.close(beginning)
        while True:
            letter = await self._inbox.take()
            if self._over:
                self._inbox.put_away(letter)
            else:
                await self._handle(letter)

    async def _handle(self, letter: Letter) -> None:
        commands = await self._commands(letter)
        asked = [command.job for command in commands if isinstance(command, c.Ask)]
        await self._do(commands, letter.slot)
        for job in asked:
            self._jobs.put_nowait((job, letter))
        if not asked:
            self._inbox.put_away(letter)
        if not asked and not any(isinstance(command, c.Audio) and command.answered for command in commands):
            self._outbox.close(letter.slot)

    async def _commands(self, letter: Letter) -> list[Command]:
        """What the message asks for; understood whole or not at all."""
        frame = letter.content
        assert isinstance(frame, Frame)
        await self._pace.give_way(frame.size_bytes // _MESSAGE_BYTES)
        before, self._protocol = self._protocol, self._protocol.settled(frame)
        beginning = [] if self._protocol is before else list(self._protocol.begin())
        limit_bytes = getattr(self._means.limits, self._protocol.profile.message_limit)
        if frame.size_bytes > limit_bytes:
            error = LimitError(f"the message is larger than {limit_bytes} bytes")
            self._count(error)
            return [HangUp(error.close_code, str(error))]
        message = await self._inbox.understand(letter, self._protocol, self._means.services.media)
        return [*beginning, *self._protocol.receive(message)]

    # What comes of it.

    async def _do(self, commands: Iterable[Command], slot: Slot) -> None:
        pushed = []
        for command in commands:
            if isinstance(command, c.Push):
                pushed.append(slot := self._place())  # what follows, like hanging up, comes behind it
                self._outbox.fill(slot, command.text)
            else:
                await self._act(command, slot)
        for slot in pushed:
            self._outbox.close(slot)

    async def _tell(self, event: Event, slot: Slot, *further: Command) -> None:
        """What an event means to the client; the slot's answers are complete then."""
        await self._do((*self._protocol.send(event), *further), slot)
        self._outbox.close(slot)

    async def _work(self, task: Task) -> None:
        try:
            async for event in task.run(self._backlog, self._means.services):
                await self._happened(event)
        except GatewayError:
            raise
        except Exception as e:
            failure = self._crew.explained(e)  # the messages behind get no answer: hanging up takes the same slot
            await self._happened(Failed(failure), HangUp(failure.close_code, str(failure)))

    async def _happened(self, event: Event, *further: Command) -> None:
        if not self._crew.ended.done():
            slot = self._awaiting.popleft() if self._awaiting else self._place()
            await self._pace.give_way()
            await self._tell(event, slot, *further)

    async def _do_jobs(self) -> None:
        while True:
            job, letter = await self._jobs.get()
            try:
                event = await job.run(self._means.services)
            except Exception as e:
                event = Failed(self._crew.explained(e))
            await self._tell(event, letter.slot)
            self._inbox.put_away(letter)

    async def _ring(self, seconds: float, strict: bool) -> None:
        left_seconds = seconds
        while left_seconds > 0:
            await asyncio.sleep(left_seconds)
            # A large message may be on its way.
            left_seconds = 0 if strict else seconds - self._socket.quiet_seconds
        self._alarm = None
        await self._tell(TimedOut(), self._place())

    async def _write(self) -> HangUp:
        while not isinstance(content := await self._outbox.take(), HangUp):
            await self._socket.send(content.encode())
            await self._pace.give_way()
        return content

    async def _act(self, command: Command, slot: Slot) -> None:
        match command:
            case c.Reply(text):
                self._answer(slot, text)
            case c.Refuse(text, reason):
                self._count(reason)
                self._answer(slot, text)
            case c.Start(task):
                self._working = self._crew.add(self._work(task))
                self._outliving = self._working if task.outlives_client else self._outliving
            case c.Audio(data, answered):
                if answered:
                    self._awaiting.append(slot)
                else:
                    self._pushing = self._working
                await self._backlog.put(data, apart=answered)
            case c.EndOfAudio():
                self._backlog.end()
            case c.Alarm():
                self._set_alarm(command)
            case c.Count(request):
                self._metrics.count(request, self._loop.time() - slot.arrived_seconds)
            case c.HangUp():
                self._over = True
                self._outbox.fill(slot, command)
                self._crew.end_in(self._means.limits.farewell_seconds, HangUp(1013, "the last answers were not read"))

    def _set_alarm(self, alarm: c.Alarm) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if alarm.seconds is None else self._crew.add(self._ring(alarm.seconds, alarm.strict))

    def _place(self) -> Slot:
        return self._outbox.place(self._loop.time())

    def _answer(self, slot: Slot, text: Text) -> None:
        self._metrics.reply_seconds.labels(self._protocol.profile.name).observe(
            self._loop.time() - slot.arrived_seconds
        )
        self._outbox.fill(slot, text)

    def _count(self, error: GatewayError) -> None:
        self._metrics.errors.labels(self._protocol.profile.name, error.code).inc()
        self._log.warning("refused", code=error.code, reason=str(error))
