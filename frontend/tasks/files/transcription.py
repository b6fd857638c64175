"""Transcribe recordings of any length: the speech in them, piece by piece, several pieces at once, in order."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from frontend.config import settings
from frontend.machines.context import as_known
from frontend.machines.pieces import Piece, join, timed
from frontend.machines.timeline import middle_seconds, without_carried
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding, Samples, SpeechService, Transcript, Word
from frontend.tasks.files.language import LanguageOptions, language_of_beginning, pieces_of
from frontend.tasks.heard import Activity, listen_to_recording

# Written without spaces between words, so that pieces join without one.
_SPACELESS = frozenset(("zh", "cmn", "yue", "ja", "jpn", "th", "tha", "lo", "lao", "my", "mya", "km", "khm"))


@dataclass(frozen=True)
class TranscriptionOptions:
    """How to transcribe a recording. A language that is not given is detected once, or for each piece."""

    decoding: Decoding = field(default_factory=Decoding)
    language: LanguageOptions = field(default_factory=LanguageOptions)
    language_per_piece: bool = False
    languages: tuple[str, ...] = ()  # those it can only be in; none: any that the recogniser knows
    # What its beginning is known to say, with the times of the recording: the prefix of `decoding` is made of it.
    known: tuple[Word, ...] = ()
    pieces_at_once: int = 8

    @classmethod
    def of(cls, recognition: settings.Recognition, decoding: Decoding) -> "TranscriptionOptions":
        return cls(decoding, LanguageOptions.of(recognition), pieces_at_once=recognition.pieces_at_once)


@dataclass(frozen=True)
class HeardSegment:
    """A stretch of a recording that belongs together; words with the times of the recording."""

    words: tuple[Word, ...]
    start_seconds: float
    end_seconds: float
    transcript: Transcript  # what the model said of the piece that it is from

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()


@dataclass(frozen=True)
class Transcription:
    """All that was said behind what was known; no segments where nobody speaks, and no language then unless it was
    given."""

    segments: tuple[HeardSegment, ...]
    language: str
    language_probability: float
    duration_seconds: float

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words).strip()

    @property
    def truncated(self) -> bool:
        return any(segment.transcript.truncated for segment in self.segments)


Progress = Callable[[float], None]
# A piece, what the model said of it, and its words with the times of the recording.
_HeardPiece = tuple[Piece, Transcript, Sequence[Word]]
_Known = Sequence[Word]
_Transcribed = tuple[Piece, _Known, Transcript]


class RecordingTranscriber:
    """One recording on its way. Its language is known once the first segment is; there may be none to be found."""

    def __init__(self, samples: Samples, speech: SpeechService, options: TranscriptionOptions) -> None:
        self._samples, self._speech, self._options = samples, speech, options
        self.language, self.language_probability = "", 0.0

    async def segments(self, progress: Progress | None = None) -> AsyncGenerator[HeardSegment, None]:
        """What is said, in order, each as soon as it is certain; `progress` is told the seconds that are done."""
        count, last = 0, None
        async with contextlib.aclosing(self._heard()) as pieces:
            async for piece, transcript, words in pieces:
                if last is not None and piece.cut_samples is not None:
                    before, words = join(last[2], words, piece.cut_samples / RATE)
                    last = (*last[:2], before)
                # What was heard last may lose words to what comes next, and nothing after that.
                for segment in segments_of([last] if last else (), count):
                    count += 1
                    yield self._noted(segment)
                last = (piece, transcript, words)
                if progress:
                    progress(piece.end_samples / RATE)
        if progress:
            progress(len(self._samples) / RATE)
        for segment in segments_of([last] if last else (), count):
            yield self._noted(segment)

    def _noted(self, segment: HeardSegment) -> HeardSegment:
        if not self.language:
            told = segment.transcript
            self.language, self.language_probability = told.language, told.language_probability
        return segment

    async def _heard(self) -> AsyncGenerator[_HeardPiece, None]:
        samples, speech, options = self._samples, self._speech, self._options
        pieces, self.language, self.language_probability = await _with_language(samples, speech, options)
        decoding = dataclasses.replace(options.decoding, language=self.language or None)
        with_known = _with_known(pieces, options.known)
        transcribed = _in_order(_transcribed(samples, speech, with_known, decoding), options.pieces_at_once)
        async with contextlib.aclosing(transcribed):
            async for piece, known, transcript in transcribed:
                words = [_moved(word, piece.start_samples / RATE) for word in transcript.words]
                yield piece, transcript, without_carried(words, known)


async def transcribe_recording(
    samples: Samples, speech: SpeechService, options: TranscriptionOptions, progress: Progress | None = None
) -> Transcription:
    """All that is said in a recording."""
    transcriber = RecordingTranscriber(samples, speech, options)
    segments = tuple([segment async for segment in transcriber.segments(progress)])
    return Transcription(segments, transcriber.language, transcriber.language_probability, len(samples) / RATE)


async def _with_language(
    samples: Samples, speech: SpeechService, options: TranscriptionOptions
) -> tuple[AsyncIterator[Piece], str, float]:
    """The pieces, as who hears them wants them, and the language of them all; none where it is asked of each piece."""
    manifest, task = speech.manifest(ASR), options.decoding.task
    activities: AsyncIterator[Activity] = listen_to_recording(samples, speech, options.language.thresholds)
    any_language = manifest.engine(None, task) if manifest else None
    known = options.languages or (any_language.languages if any_language else ())
    language, probability = options.decoding.language or "", 1.0
    if not language and len(known) == 1:
        language = known[0]
    # Where nobody is there to tell, the recogniser finds it as well.
    if not language and not options.language_per_piece and speech.manifest(LANGUAGE_ID):
        heard: list[Activity] = []
        spoken = await language_of_beginning(samples, _kept(activities, heard), speech, options.language)
        # Who named some says that it is one of them; and a recogniser that finds none itself would refuse all of it.
        needed = options.languages or (any_language and any_language.needs_language)
        language, probability = spoken.likeliest(known) if needed else spoken.among(known)
        activities = _chained(heard, activities)
    cutting = options.language.cutting(manifest, language, task)
    return pieces_of(activities, len(samples), cutting), language, probability if language else 0.0


async def _kept(activities: AsyncIterator[Activity], heard: list[Activity]) -> AsyncIterator[Activity]:
    """What is taken of them; the samples themselves are there anyway."""
    async for activity in activities:
        heard.append(activity._replace(pcm=b""))
        yield activity


async def _chained(first: Sequence[Activity], rest: AsyncIterator[Activity]) -> AsyncIterator[Activity]:
    for activity in first:
        yield activity
    async for activity in rest:
        yield activity


async def _with_known(pieces: AsyncIterator[Piece], known: _Known) -> AsyncIterator[tuple[Piece, _Known]]:
    """Each piece and what is known of it. Where more is known behind it, all of it is, and it is left out: forced upon
    it, words of the next would be said there, and once more by the next. The first has all that have no times."""
    async for piece in pieces:
        start_seconds, end_seconds = piece.start_samples / RATE, piece.end_samples / RATE
        inside = known
        if timed(known):
            known = [word for word in known if word.end_seconds > start_seconds]
            inside = [word for word in known if middle_seconds(word) < end_seconds]
        if len(inside) == len(known):
            yield piece, inside
            known = ()


async def _transcribed(
    samples: Samples, speech: SpeechService, pieces: AsyncIterator[tuple[Piece, _Known]], decoding: Decoding
) -> AsyncIterator["asyncio.Task[_Transcribed]"]:
    """A task a piece."""

    async def transcribe(piece: Piece, known: _Known) -> _Transcribed:
        wish = dataclasses.replace(decoding, prefix=as_known(known))
        return piece, known, await speech.transcribe(samples[piece.start_samples : piece.end_samples], wish)

    async for piece, known in pieces:
        yield asyncio.get_running_loop().create_task(transcribe(piece, known))


async def _in_order(
    tasks: AsyncIterator["asyncio.Task[_Transcribed]"], at_once: int
) -> AsyncGenerator[_Transcribed, None]:
    """The results of tasks in their order; so many run at once, and none is left running."""
    running: deque[asyncio.Task[_Transcribed]] = deque()
    try:
        async for task in tasks:
            running.append(task)
            if len(running) >= at_once:
                yield await running[0]
                running.popleft()
        while running:
            yield await running[0]
            running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _moved(word: Word, seconds: float) -> Word:
    return dataclasses.replace(word, start_seconds=word.start_seconds + seconds, end_seconds=word.end_seconds + seconds)


def segments_of(heard: Sequence[_HeardPiece], before: int = 0) -> tuple[HeardSegment, ...]:
    """One for each piece, or for each segment that the model made of it, numbered behind so many before."""
    segments: list[HeardSegment] = []
    for _, transcript, words in heard:
        for _, group in itertools.groupby(words, key=lambda word: word.segment):
            number = before + len(segments)
            numbered = [dataclasses.replace(word, segment=number) for word in group]
            if number and transcript.language.partition("-")[0] not in _SPACELESS:
                numbered[0] = dataclasses.replace(numbered[0], text=" " + numbered[0].text.lstrip(" "))
            segments.append(
                HeardSegment(tuple(numbered), numbered[0].start_seconds, numbered[-1].end_seconds, transcript)
            )
    return tuple(segments)
