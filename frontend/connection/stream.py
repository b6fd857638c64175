"""The stream of audio on one connection: its queue, its task, and the messages that wait for what the task tells."""

import asyncio
from collections.abc import Callable

from frontend.connection.audio_queue import AudioQueue
from frontend.connection.outbox import Slot
from frontend.dialogue.events import Event
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import GatewayError
from frontend.telemetry.logs import Log


class ConnectionStream(Stream):
    """`happened` is told each event with the message that it answers, if any; `failed` why the stream is over."""

    def __init__(
        self,
        audio: AudioQueue,
        services: Services,
        happened: Callable[[Event, Slot | None], None],
        failed: Callable[[Exception, Slot | None], None],
        log: Log,
    ) -> None:
        self.audio: AudioQueue = audio
        self.services = services
        self.protocol = ""
        self._happened = happened
        self._failed = failed
        self._log = log
        self._awaiting: list[Slot] = []
        self._work: asyncio.Task[None] | None = None
        self.outlives_client = False
        # Whether its messages have answers of their own: then it ends when nothing is owed, whatever might come.
        self.answers = False
        self._silenced = False

    def begin(self, task: Task, protocol: str) -> None:
        self.protocol = protocol
        self.outlives_client = task.outlives_client
        if (work := task.begin(self)) is not None:
            self._work = asyncio.get_running_loop().create_task(work)
            self._work.add_done_callback(self._ended)

    def await_answer(self, slot: Slot) -> None:
        """The audio of this message is answered by an event, in order."""
        slot.owed += 1
        self.answers = True
        self._awaiting.append(slot)

    def tell(self, event: Event) -> None:
        if not self._silenced:
            self._happened(event, self._awaiting.pop(0) if self._awaiting else None)

    def fail(self, error: Exception) -> None:
        if not self._silenced:
            self._failed(error, self._awaiting.pop(0) if self._awaiting else None)
        else:
            self._give_up(error)

    async def finished(self) -> None:
        """Return when the task, if it is one that goes on by itself, has come to its end."""
        if self._work is not None:
            await asyncio.wait({self._work})

    async def leave(self) -> None:
        """The client is gone: a task that outlives it goes on for nobody, any other stops at once."""
        self._silenced = True
        self.audio.end(interrupted=True)
        if not self.outlives_client:
            await self.close()

    async def close(self) -> None:
        self._silenced = True
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self.audio.close()
        self._happened, self._failed = lambda *_: None, lambda *_: None  # who has this stream: no circle is left

    def _give_up(self, error: Exception) -> None:
        """Nobody is told, so nobody hangs up: the log says why, and the work puts in order what it leaves."""
        if isinstance(error, GatewayError):
            self._log.warning("the work ends early", reason=str(error))
        else:
            self._log.exception("the work failed", error)
        if self._work is not None and not self._work.cancelling():  # once: what it does in the end takes its time
            self._work.cancel()

    def _ended(self, work: "asyncio.Task[None]") -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            assert isinstance(error, Exception)
            self.fail(error)
