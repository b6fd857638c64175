"""The jobs of one connection, one after another, and what is held for them until they are done."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence

from frontend.connection.outbox import Slot
from frontend.dialogue.events import Event, Failed
from frontend.dialogue.messages import JsonMessage, Message, RawMessage
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Job
from frontend.errors import GatewayError
from frontend.memory.memory_file import MemoryFile
from frontend.telemetry.logs import Log

# So many wait at most; the messages behind them are not understood before.
_MOST_WAITING = 64


class Held:
    """A message that was understood: its bytes, or what was made of them, until nothing uses them any more."""

    def __init__(self, raw: RawMessage, message: Message) -> None:
        self._raw = raw
        self._content = content = message.audio if isinstance(message, JsonMessage) else message
        self.users = 1
        if isinstance(content, bytes | MemoryFile) and content is not raw.content:
            # In place of what came, of which nothing is needed any more.
            raw.close()
            raw.content = b""
            raw.lease.grow(len(content) if isinstance(content, bytes) else content.size_bytes)

    @property
    def size_bytes(self) -> int:
        return self._raw.lease.size_bytes

    def close(self) -> None:
        """One of its users is done."""
        self.users -= 1
        if self.users == 0:
            if isinstance(self._content, MemoryFile):
                self._content.close()
            self._raw.close()


class Jobs:
    """`tell` words a job's event into the slot of its message."""

    def __init__(self, services: Services, log: Log, tell: Callable[[Event, Slot], None]) -> None:
        self._kept = services.held.lease() if services.held else None
        self._services = dataclasses.replace(services, kept=self._kept)
        self._log = log
        self._tell = tell
        # Told when one is done.
        self.on_room: Callable[[], None] = lambda: None
        self._waiting = list[tuple[Job, Slot, Held]]()
        self._working: asyncio.Task[None] | None = None
        self._changed: asyncio.Event | None = None
        self.held_bytes = 0

    @property
    def full(self) -> bool:
        return len(self._waiting) >= _MOST_WAITING

    async def room(self) -> None:
        """Return when another may wait."""
        while self.full:
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()

    def add(self, jobs: Sequence[Job], slot: Slot, held: Held) -> None:
        """Of one message, which is held until all are done."""
        held.users += len(jobs)
        self.held_bytes += held.size_bytes
        self._waiting.extend((job, slot, held) for job in jobs)
        if self._working is None:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        for _, _, held in self._waiting:
            self._let_go(held)
        self._waiting.clear()
        if self._kept is not None:
            self._kept.close()
        self._tell, self.on_room = lambda *_: None, lambda: None  # who has these jobs: no circle is left

    def _let_go(self, held: Held) -> None:
        size_bytes = held.size_bytes
        held.close()
        if held.users == 0:
            self.held_bytes -= size_bytes

    async def _work(self) -> None:
        try:
            while self._waiting:
                job, slot, held = self._waiting.pop(0)
                if self._changed is not None:
                    self._changed.set()
                try:
                    event = await self._done(job)
                    self._tell(event, slot)
                finally:
                    self._let_go(held)
                self.on_room()
        finally:
            self._working = None

    async def _done(self, job: Job) -> Event:
        try:
            return await job.run(self._services)
        except GatewayError as e:
            return Failed(e)
        except Exception as e:  # nobody expected it: this message is answered, the next ones never notice
            self._log.exception("the work failed", e)
            return Failed(GatewayError("internal error"))
