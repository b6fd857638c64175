"""A live stream for tests: its audio, its export, and what came of it."""

import asyncio
from collections.abc import Sequence

from frontend.caller import Caller
from frontend.dialogue.commands import Event, FinalHeard, PartialHeard
from frontend.dialogue.services import Services
from frontend.errors import OverloadedError
from frontend.machines.language import LanguageOptions
from frontend.machines.timeline import text_of
from frontend.media.stream import AudioFormat
from frontend.speech import RATE, Samples, Word
from frontend.tasks.listening import Listening
from frontend.tasks.live.recognition import RecognitionOptions
from frontend.tasks.live.transcribe import LiveOptions, TranscribeLive
from tests.frontend.spoken_tones import Said

CALLER = Caller("cafe0123", "127.0.0.1")
EXPORT_ID = "0123456789abcdef" * 2


class Source:
    """The audio's messages; each is there once the one before has been worked on, or all at once."""

    def __init__(self, messages: Sequence[bytes], *, at_once: bool = True, interrupted: bool = False) -> None:
        self._messages = list(messages)
        self._at_once = at_once
        self.interrupted = interrupted

    @property
    def waiting(self) -> bool:
        return bool(self._messages)

    async def take(self) -> Sequence[bytes]:
        if not self._at_once:
            for _ in range(30):  # whatever the task began is through by then
                await asyncio.sleep(0)
        count = len(self._messages) if self._at_once else 1
        taken, self._messages = self._messages[:count], self._messages[count:]
        return taken


class Kept:
    """An export in memory, that fails after so many writes."""

    def __init__(self, writes: int = 1 << 30) -> None:
        self._writes = writes
        self.pcm = b""
        self.finals: list[str] = []
        self.state = "running"

    async def begin(self, export_id: str, caller: Caller, rate: int = RATE) -> "Kept":
        if not self._writes:
            raise OverloadedError("no room")
        assert export_id == EXPORT_ID
        return self

    async def audio(self, pcm: bytes) -> None:
        self._write()
        self.pcm += pcm

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
        Listening(AudioFormat(rate)), CALLER, EXPORT_ID, recognition=RecognitionOptions(LanguageOptions(language))
    )
    return [event async for event in TranscribeLive(options).run(source, services)]


def finals(events: Sequence[Event]) -> list[tuple[Word, ...]]:
    return [event.words for event in events if isinstance(event, FinalHeard)]


def words(events: Sequence[Event]) -> list[Word]:
    return [word for final in finals(events) for word in final]


def partials(events: Sequence[Event]) -> list[str]:
    return [text_of(event.words) for event in events if isinstance(event, PartialHeard)]


def in_tenths(samples: Samples) -> list[bytes]:
    return cut(samples.tobytes(), [RATE // 5])
