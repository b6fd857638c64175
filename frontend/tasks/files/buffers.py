"""What is buffered of a stream, heard together with what was said just before it.

A recogniser that hears long pieces best is wrong more often in three seconds than in fifteen. So the words before a
buffer are given to it as known, with the audio that they are in; what it says behind them is the buffer's.
"""

import asyncio
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from frontend.config import settings
from frontend.dialogue.events import Event, RecordingTranscribed
from frontend.dialogue.services import Services
from frontend.dialogue.tasks import Job
from frontend.errors import ClientError, GatewayError, OverloadedError
from frontend.machines.context import Context
from frontend.machines.timeline import shifted, text_of
from frontend.memory.budget import Lease
from frontend.speech import ASR, RATE, Decoding, Samples, SpeechService, Word
from frontend.tasks.files.language import detect_spoken_language
from frontend.tasks.files.transcription import TranscriptionOptions, transcribe_recording

_LARGE_BYTES = 256 << 10
# A word that reaches so near to the end of what is buffered was not heard whole, and of those before it what follows is
# not known: of the last seconds only what the recogniser is sure of is told, the rest with the next buffer, and it is
# heard again from there on. Of 1198 words of people this spares 14 mistakes of 175; waiting longer spares no more, nor
# does hearing again what was told.
_EDGE_SECONDS = 0.3
_SURE_CONFIDENCE = 0.95
_UNSETTLED_SECONDS = 2.0
_LEAD_IN_SECONDS = 0.1
_NONE: Samples = np.zeros(0, np.int16)


@dataclass
class StreamMemory:
    """What the buffers of one stream pass on: the language that was heard last, and what was said before the next."""

    seconds: float
    language: str | None = None
    audio: Samples = field(default_factory=lambda: _NONE)
    end_sample: int = 0
    told_sample: int = 0  # where the last word ends that was told
    # Where the first word begins that was heard, and is to be heard again before it is told.
    waiting_sample: int | None = None
    context: Context = field(init=False)

    def __post_init__(self) -> None:
        self.context = Context(self.seconds)

    def known(self, start_sample: int, seconds: float) -> tuple[tuple[Word, ...], Samples]:
        """The words that were told, in one go up to what waits or to this buffer and in so much time at most, and the
        audio before the buffer from the first of them on, or from what waits."""
        audio = self._audio_before(start_sample)
        earliest = start_sample - len(audio)
        begin = start_sample if self.waiting_sample is None else min(start_sample, max(self.waiting_sample, earliest))
        told = self.context.before(max(begin, self.told_sample), seconds - (start_sample - begin) / RATE)
        words = tuple(each for each in told if each.start_seconds * RATE >= earliest)
        first = self.context.start_sample(words) if words else begin
        return words, audio[max(0, first - earliest) :]

    @property
    def earliest_sample(self) -> int:
        """From here on audio is remembered."""
        return self.end_sample - len(self.audio)

    def tell(self, words: Sequence[Word], waiting: Sequence[Word]) -> None:
        """The first are told, the others wait."""
        self.context.tell(words)
        if words:
            self.told_sample = round(words[-1].end_seconds * RATE)
        self.waiting_sample = None
        if waiting:
            lead_in = round((waiting[0].start_seconds - _LEAD_IN_SECONDS) * RATE)
            self.waiting_sample = max(lead_in, self.told_sample)

    def keep(self, samples: Samples, start_sample: int, lease: Lease | None) -> None:
        """The newest audio, as far as there is room for it."""
        newest = samples[max(0, len(samples) - round(self.seconds * RATE)) :]
        heard = np.concatenate([self._audio_before(start_sample), newest])
        heard = heard[max(0, len(heard) - round(self.seconds * RATE)) :]
        if lease is not None:
            lease.shrink(self.audio.nbytes)
            try:
                lease.grow(heard.nbytes)
            except OverloadedError:
                heard = _NONE
        self.audio, self.end_sample = heard, start_sample + len(samples)

    def turn_to(self, language: str) -> None:
        """What was said in another language is no help."""
        if language != self.language:
            self.language, self.context, self.told_sample = language, Context(self.seconds), 0

    def _audio_before(self, start_sample: int) -> Samples:
        """None where something lies between, which was not heard."""
        behind = self.end_sample - start_sample
        return self.audio[: len(self.audio) - behind] if 0 <= behind <= len(self.audio) else _NONE


@dataclass(frozen=True)
class _Heard:
    """Words that were told before, and those behind them; whether these may wait for longer than the next buffer is
    heard with this one."""

    given: Sequence[Word] = ()
    new: Sequence[Word] = ()
    waits: bool = False


@dataclass(frozen=True)
class TranscribeBuffer(Job):
    """16-bit samples at 16 kHz, in pieces that may end inside a sample, and where in the stream they begin.

    Of what is not final, so many samples at the end are heard again with the next.
    """

    pieces: Sequence[bytes | memoryview]
    start_sample: int
    again_samples: int
    decoding: Decoding
    recognition: settings.Recognition
    memory: StreamMemory
    final: bool = False

    async def run(self, services: Services) -> Event:
        began = time.monotonic()
        size_bytes = sum(map(len, self.pieces))
        services.hear(max(0, size_bytes // 2 - self.again_samples) / RATE)
        with services.holding(size_bytes):
            large = size_bytes > _LARGE_BYTES
            samples = await asyncio.to_thread(_joined, self.pieces) if large else _joined(self.pieces)
            try:
                language = await self._language(samples, services.speech)
                heard = await self._hear(samples, language, services.speech) if language else _Heard()
            except GatewayError:  # what waits is heard again with the next buffer, as if this one had been
                self._keep(samples, services.kept)
                raise
            self._keep(samples, services.kept)
        words = self._tell(heard, self.start_sample + len(samples))
        text, seconds = text_of(words).strip(), len(samples) / RATE
        return RecordingTranscribed(text, (), self.memory.language or "", seconds, time.monotonic() - began)

    def _keep(self, samples: Samples, lease: Lease | None) -> None:
        """For the next buffer, unless there is none."""
        self.memory.keep(_NONE if self.final else samples, 0 if self.final else self.start_sample, lease)

    async def _language(self, samples: Samples, speech: SpeechService) -> str:
        """Empty where nobody speaks."""
        # The end of a stream is too little to tell its language anew.
        language = self.decoding.language or (self.memory.language if self.final else None)
        if language is None:
            options, manifest = self._options(self.decoding), speech.manifest(ASR)
            spoken = await detect_spoken_language(samples, speech, options.language)
            known = manifest.engine(None).languages if manifest else ()
            language, _ = spoken.among(known)
            # Who was understood before may go on with words that hardly tell their language, or seem to be in another.
            if not language and (spoken.probabilities is not None or self.memory.waiting_sample is not None):
                language = self.memory.language or ""
        if language:
            self.memory.turn_to(language)
        return language

    async def _hear(self, samples: Samples, language: str, speech: SpeechService) -> "_Heard":
        manifest, start_seconds = speech.manifest(ASR), self.start_sample / RATE
        engine = manifest.engine(language) if manifest else None
        room_seconds = engine.piece_seconds - len(samples) / RATE if engine and engine.prefix else 0.0
        given, audio = self.memory.known(self.start_sample, room_seconds)
        options = self._options(dataclasses.replace(self.decoding, language=language))
        try:
            known = shifted(given, len(audio) / RATE - start_seconds)
            options = dataclasses.replace(options, known=known)
            heard = await transcribe_recording(np.concatenate([audio, samples]), speech, options)
        except ClientError:
            if not given:
                raise
            # More than the model has room for, or not in the words of a version that serves since.
            given, audio = (), self.memory.known(self.start_sample, 0.0)[1]
            options = dataclasses.replace(options, known=())
            heard = await transcribe_recording(np.concatenate([audio, samples]), speech, options)
        new = shifted(heard.words, start_seconds - len(audio) / RATE)
        return _Heard(given, new, waits=room_seconds > _UNSETTLED_SECONDS)

    def _tell(self, heard: "_Heard", end_sample: int) -> Sequence[Word]:
        """What the buffer says; words at its end that the next hears better wait, unless none comes."""
        count = len(heard.new) if self.final else self._settled(heard, end_sample)
        new = heard.new[:count]
        self.memory.tell(new, heard.new[count:])
        return [*(each for each in heard.given if each.end_seconds > self.start_sample / RATE), *new]

    def _settled(self, heard: "_Heard", end_sample: int) -> int:
        """How many words; none that the next buffer would not hear again waits."""
        end_seconds, next_sample = end_sample / RATE, end_sample - self.again_samples
        if heard.waits:
            longest_sample = max(self.memory.earliest_sample, end_sample - round(_UNSETTLED_SECONDS * RATE))
            next_sample = min(next_sample, longest_sample)
        unsure = (
            place
            for place, word in enumerate(heard.new)
            if word.start_seconds * RATE > next_sample
            and (word.confidence < _SURE_CONFIDENCE or word.end_seconds > end_seconds - _EDGE_SECONDS)
        )
        return next(unsure, len(heard.new))

    def _options(self, decoding: Decoding) -> TranscriptionOptions:
        return TranscriptionOptions.of(self.recognition, decoding)


def _joined(pieces: Sequence[bytes | memoryview]) -> Samples:
    """Copied where the interpreter is not held up meanwhile."""
    arrays = [np.frombuffer(piece, np.uint8) for piece in pieces]
    samples: Samples = np.concatenate([np.zeros(0, np.uint8), *arrays]).view(np.int16)
    return samples
