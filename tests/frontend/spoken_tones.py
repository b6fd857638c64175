"""A language that a scripted recogniser understands exactly: each word is a level, held for as long as it is said.

So what a recogniser must answer is a function of the samples alone, and a word that was cut in two shows.
"""

import asyncio
import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frontend.engines import Engine
from frontend.errors import UnavailableError
from frontend.speech import (
    ASR,
    LANGUAGE_ID,
    RATE,
    SPEAKER_EMBEDDING,
    VAD,
    WINDOW_SAMPLES,
    Decoding,
    LanguageProbabilities,
    Manifest,
    ModelRef,
    Probabilities,
    Samples,
    Transcript,
    VadState,
    Voiceprint,
    Word,
)
from tests.frontend.fakes import Turns

_STEP = 20
_BASE = 2000
PIECE_SECONDS = 18.0
MANIFEST = Manifest("asr", "00" * 32, languages=("en", "de"), tasks=("transcribe",))


@dataclass(frozen=True)
class Said:
    number: int
    start_sample: int
    end_sample: int


def level(number: int) -> int:
    return _BASE + _STEP * number


def speech_of(lengths_and_gaps: Sequence[tuple[int, int]], tail_samples: int = RATE) -> tuple[Samples, list[Said]]:
    """Words 0, 1, 2… of these lengths, each after its gap; one sample of nothing at least between two."""
    parts, said, at = list[Samples](), list[Said](), 0
    for number, (length, gap) in enumerate(lengths_and_gaps):
        gap = max(1, gap)
        parts += [np.zeros(gap, np.int16), np.full(length, level(number), np.int16)]
        said.append(Said(number, at + gap, at + gap + length))
        at += gap + length
    return np.concatenate([*parts, np.zeros(tail_samples, np.int16)]), said


class ToneSpeech(Turns):
    """Hears levels. A word heard only in part is garbled, unless that part is too short to notice."""

    def __init__(self, lengths: dict[int, int] | None = None, language: str = "en") -> None:
        super().__init__()
        self._lengths = lengths or {}
        self.language = language
        self.language_probability = 1.0
        self.failing = 0
        self.calls: list[Decoding] = []
        self.transcribing = self.most_under_way = 0
        self.pause_seconds = 0.0

    def manifest(self, model: ModelRef) -> Manifest | None:
        return MANIFEST

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        await asyncio.sleep(0)
        windows = samples[: len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
        return (np.abs(windows.astype(float)).mean(axis=1) > 200).astype(np.float32), state

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        assert len(samples) <= 30 * RATE, "longer than the model takes"
        self.calls.append(decoding)
        self.transcribing += 1
        self.most_under_way = max(self.most_under_way, self.transcribing)
        try:
            await asyncio.sleep(self.pause_seconds)
            if self.failing:
                self.failing -= 1
                raise UnavailableError("the models do not answer")
            return Transcript(self._words(samples), decoding.language or self.language, self.language_probability)
        finally:
            self.transcribing -= 1

    async def embed_voice(self, samples: Samples, model: ModelRef = SPEAKER_EMBEDDING) -> Voiceprint:
        raise NotImplementedError

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        raise NotImplementedError

    def _words(self, samples: Samples) -> tuple[Word, ...]:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], samples, [0]]).astype(int)))
        words = []
        for start, end in itertools.pairwise(edges):
            if samples[start]:
                words.append(self._word(int(samples[start] - _BASE) // _STEP, int(start), int(end)))
        return tuple(words)

    def _word(self, number: int, start: int, end: int) -> Word:
        whole = end - start >= self._lengths.get(number, 0)
        return Word(f" w{number}" if whole else f" x{number}", start / RATE, end / RATE, 0.9)


class LongHearing(ToneSpeech):
    """Its engine says that it wants long pieces, and takes words as known: it says those first, heard or not."""

    def __init__(self, lengths: dict[int, int], prefix: bool = True, hears_language: bool = False) -> None:
        super().__init__(lengths)
        self.heard_seconds: list[float] = []
        known = ("en", "de")
        self._engine = Engine("long 1", known, ("transcribe",), 30.0, PIECE_SECONDS, prefix, hears_language)

    def manifest(self, model: ModelRef) -> Manifest | None:
        known = ("en", "de")
        return Manifest("asr", "00" * 32, languages=known, tasks=("transcribe",), engines=(self._engine,))

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        self.heard_seconds.append(len(samples) / RATE)
        heard = await super().transcribe(samples, decoding, model)
        said = {word.text: word for word in heard.words}
        forced = tuple(said.get(text, Word(text, 0.0, 0.0, 0.9)) for text in decoding.prefix)
        end_seconds = max((word.end_seconds for word in forced), default=0.0)
        more = tuple(word for word in heard.words if word.start_seconds >= end_seconds)
        return dataclasses.replace(heard, words=forced + more)
