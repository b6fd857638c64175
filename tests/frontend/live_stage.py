"""A live stream for tests: its audio, its export, and what came of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from frontend.caller import Caller
from frontend.config import settings
from frontend.connection.audio_queue import AudioQueue
from frontend.connection.spool import Spool
from frontend.dialogue.events import Event, FinalHeard, PartialHeard
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Stream, Task
from frontend.errors import OverloadedError
from frontend.machines.language import StreamLanguageOptions
from frontend.machines.timeline import text_of
from frontend.media.stream import AudioFormat
from frontend.memory.budget import Lease
from frontend.speech import RATE, Samples, Word
from frontend.tasks.listening import Listening
from frontend.tasks.live.options import LiveOptions, Wishes
from frontend.tasks.live.recognition import RecognitionOptions
from frontend.tasks.live.transcribe import TranscribeLive
from tests.frontend.fakes import budget
from tests.frontend.spoken_tones import Said

CALLER = Caller("cafe0123", "127.0.0.1")
# In place of a message: the client wants to know what was said so far.
FLUSH = b""
EXPORT_ID = "0123456789abcdef" * 2


class Source:
    """The audio's messages; each is there once the one before has been worked on, or all at once."""

    def __init__(self, messages: Sequence[bytes], *, at_once: bool = True, interrupted: bool = False) -> None:
        self._messages = list(messages)
        self._at_once = at_once
        self.interrupted = interrupted

    async def give(self, audio: AudioQueue) -> None:
        for message in self._messages:
            if not self._at_once:
                for _ in range(30):  # whatever the task began is through by then
                    await asyncio.sleep(0)
            if message == FLUSH:
                audio.flush()
                continue
            audio.put(message, audio.lease(len(message)), apart=False)
            if audio.full:
                await audio.make_room()
        audio.end(interrupted=self.interrupted)


class Stage(Stream):
    """A stream that keeps what its task tells."""

    def __init__(self, services: Services, spool: Path) -> None:
        self.held = budget()
        self.audio: AudioQueue = AudioQueue(self.held, 1 << 20, Spool(spool, budget()))
        self.services = services
        self.protocol = "live"
        self.events: list[Event] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def fail(self, error: Exception) -> None:
        if not self.over.done():
            self.over.set_exception(error)

    async def perform(self, task: Task, source: Source) -> list[Event]:
        """What the task told of the audio; raises why it failed."""
        work = task.begin(self)
        assert work is not None
        working = asyncio.create_task(work)
        giving = asyncio.create_task(source.give(self.audio))
        try:
            await asyncio.wait({working, self.over}, return_when=asyncio.FIRST_COMPLETED)
            if self.over.done():
                self.over.result()
            await working
        finally:
            for each in (working, giving):
                each.cancel()
            await asyncio.gather(working, giving, return_exceptions=True)
            await self.audio.close()
            self.over.cancel()
        assert self.held.used_bytes == 0
        return self.events


class Kept:
    """An export in memory, that fails after so many writes."""

    def __init__(self, writes: int = 1 << 30) -> None:
        self._writes = writes
        self.pcm = b""
        self.finals: list[str] = []
        self.state = "running"

    async def begin(self, export_id: str, caller: Caller, rate: int, lease: Lease) -> "Kept":
        if not self._writes:
            raise OverloadedError("no room")
        assert export_id == EXPORT_ID
        return self

    def append(self, audio: bytes) -> bool:
        self._write()
        self.pcm += audio
        return False

    async def written(self) -> int:
        return len(self.pcm)

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        return self.pcm[offset_bytes : offset_bytes + size_bytes]

    async def final(self, words: Sequence[Word], text: str) -> None:
        self._write()
        self.finals.append(text)

    async def complete(self) -> None:
        self.state = "complete"

    async def interrupt(self) -> None:
        self.state = "incomplete"

    def _write(self) -> None:
        self._writes -= 1
        if self._writes < 0:
            raise OverloadedError("no room")


def lengths(said: Sequence[Said]) -> dict[int, int]:
    return {each.number: each.end_sample - each.start_sample for each in said}


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """In pieces of these sizes, over and over."""
    pieces, at = list[bytes](), 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    return pieces


async def live(source: Source, services: Services, rate: int = RATE, language: str | None = None) -> list[Event]:
    options = LiveOptions(
        Listening(AudioFormat(rate)), CALLER, EXPORT_ID, recognition=RecognitionOptions(StreamLanguageOptions(language))
    )
    return await performed(source, services, options)


async def wished(source: Source, services: Services, wishes: Wishes) -> list[Event]:
    return await performed(source, services, LiveOptions.of(settings.Settings(), CALLER, wishes))


async def performed(source: Source, services: Services, options: LiveOptions) -> list[Event]:
    with TemporaryDirectory() as spool:
        return await Stage(services, Path(spool)).perform(TranscribeLive(options), source)


def finals(events: Sequence[Event]) -> list[tuple[Word, ...]]:
    return [event.words for event in events if isinstance(event, FinalHeard)]


def words(events: Sequence[Event]) -> list[Word]:
    return [word for final in finals(events) for word in final]


def partials(events: Sequence[Event]) -> list[str]:
    return [text_of(event.words) for event in events if isinstance(event, PartialHeard)]


def in_tenths(samples: Samples) -> list[bytes]:
    return cut(samples.tobytes(), [RATE // 5])
