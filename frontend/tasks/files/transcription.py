"""Transcribe recordings of any length: the speech in them, piece by piece, several pieces at once, in order."""

import asyncio
import dataclasses
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from frontend.config import settings
from frontend.machines.pieces import Piece, join
from frontend.speech import ASR, LANGUAGE_ID, RATE, Decoding, Samples, SpeechService, Transcript, Word
from frontend.tasks.files.language import LanguageOptions, language_of_pieces, speech_pieces, total_seconds

# Written without spaces between words, so that pieces join without one.
_SPACELESS = frozenset(("zh", "cmn", "yue", "ja", "jpn", "th", "tha", "lo", "lao", "my", "mya", "km", "khm"))


@dataclass(frozen=True)
class TranscriptionOptions:
    """How to transcribe a recording. A language that is not given is detected once, or for each piece."""

    decoding: Decoding = field(default_factory=Decoding)
    language: LanguageOptions = field(default_factory=LanguageOptions)
    language_per_piece: bool = False
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
    """All that was said; no segments where nobody speaks, and no language then unless it was given."""

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


async def transcribe_recording(
    samples: Samples, speech: SpeechService, options: TranscriptionOptions, progress: Progress | None = None
) -> Transcription:
    """What is said in a recording; `progress` is told the seconds that are done."""
    pieces, language, probability = await _with_language(samples, speech, options)
    decoding = dataclasses.replace(options.decoding, language=language or None)
    heard: list[tuple[Piece, Transcript, list[Word]]] = []
    async for piece, transcript in _in_order(_transcribed(samples, speech, pieces, decoding), options.pieces_at_once):
        words = [_moved(word, piece.start_samples / RATE) for word in transcript.words]
        if piece.cut_samples is not None and heard:
            before, words = join(heard[-1][2], words, piece.cut_samples / RATE)
            heard[-1] = (*heard[-1][:2], before)
        heard.append((piece, transcript, words))
        if progress:
            progress(piece.end_samples / RATE)
    if progress:
        progress(len(samples) / RATE)
    segments = segments_of(heard)
    if not language and segments:
        language, probability = segments[0].transcript.language, segments[0].transcript.language_probability
    return Transcription(segments, language, probability, len(samples) / RATE)


async def _with_language(
    samples: Samples, speech: SpeechService, options: TranscriptionOptions
) -> tuple[AsyncIterator[Piece], str, float]:
    """The pieces, and the language of them all; none where it is not known, or asked of each piece."""
    manifest = speech.manifest(ASR)
    pieces = speech_pieces(samples, speech, options.language.thresholds, options.language.cutting(manifest))
    known = manifest.languages if manifest else ()
    if options.decoding.language or len(known) == 1:
        return pieces, options.decoding.language or known[0], 1.0
    if options.language_per_piece or speech.manifest(LANGUAGE_ID) is None:  # the recogniser finds it as well
        return pieces, "", 0.0
    first: list[Piece] = []
    async for piece in pieces:
        first.append(piece)
        if total_seconds(first) >= options.language.max_speech_seconds:
            break
    spoken = await language_of_pieces(samples, first, speech, options.language)
    ranked = spoken.probabilities.ranked if spoken.probabilities else ()
    likeliest = next((each for each in ranked if not known or each[0] in known), ("", 0.0))
    return _chained(first, pieces), *likeliest


async def _chained(first: Sequence[Piece], rest: AsyncIterator[Piece]) -> AsyncIterator[Piece]:
    for piece in first:
        yield piece
    async for piece in rest:
        yield piece


async def _transcribed(
    samples: Samples, speech: SpeechService, pieces: AsyncIterator[Piece], decoding: Decoding
) -> AsyncIterator["asyncio.Task[tuple[Piece, Transcript]]"]:
    """A task a piece. Forced words begin the first piece, and no other."""

    async def transcribe(piece: Piece, decoding: Decoding) -> tuple[Piece, Transcript]:
        return piece, await speech.transcribe(samples[piece.start_samples : piece.end_samples], decoding)

    async for piece in pieces:
        yield asyncio.get_running_loop().create_task(transcribe(piece, decoding))
        decoding = dataclasses.replace(decoding, prefix=())


async def _in_order(
    tasks: AsyncIterator["asyncio.Task[tuple[Piece, Transcript]]"], at_once: int
) -> AsyncIterator[tuple[Piece, Transcript]]:
    """The results of tasks in their order; so many run at once, and none is left running."""
    running: deque[asyncio.Task[tuple[Piece, Transcript]]] = deque()
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


def segments_of(heard: Sequence[tuple[Piece, Transcript, Sequence[Word]]]) -> tuple[HeardSegment, ...]:
    """One for each piece, or for each segment that the model made of it, numbered over the whole recording."""
    segments: list[HeardSegment] = []
    for _, transcript, words in heard:
        for _, group in itertools.groupby(words, key=lambda word: word.segment):
            numbered = [dataclasses.replace(word, segment=len(segments)) for word in group]
            if segments and transcript.language.partition("-")[0] not in _SPACELESS:
                numbered[0] = dataclasses.replace(numbered[0], text=" " + numbered[0].text.lstrip(" "))
            segments.append(
                HeardSegment(tuple(numbered), numbered[0].start_seconds, numbered[-1].end_seconds, transcript)
            )
    return tuple(segments)
