"""Scripted stand-ins for what the tested code talks to."""

import asyncio
import itertools
from collections.abc import Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Gauge

from frontend.calibration import Calibration
from frontend.caller import Caller
from frontend.errors import UnavailableError
from frontend.keys.guard import Guard
from frontend.keys.keyring import Keyring
from frontend.keys.visits import Visit, Visits
from frontend.memory.budget import Budget
from frontend.speech import (
    ASR,
    LANGUAGE_ID,
    RATE,
    SPEAKER_EMBEDDING,
    VAD,
    WINDOW_SAMPLES,
    Decoding,
    LanguageProbabilities,
    Listener,
    Manifest,
    ModelRef,
    Probabilities,
    Samples,
    Transcript,
    VadState,
    Voiceprint,
    Word,
)

MANIFEST = Manifest("speaker_embedding", "00" * 16, Calibration((20.0,), (-14.0,)), 10.0, dimensions=256)
RECOGNISER = Manifest("asr", "11" * 16, languages=("en", "de"), tasks=("transcribe", "translate"))
# Two seconds of a voice that no recording of the scripted model has.
VOICE = Voiceprint(np.eye(256, dtype=np.float32)[0], MANIFEST, 2.0)
# A word is a stretch of samples of one value, from which the scripted recogniser reads its number.
_FIRST_WORD = 1000


def spoken(*words: tuple[float, float], seconds: float) -> Samples:
    """A recording in which word number i is said from and until the given seconds."""
    samples = np.zeros(round(seconds * RATE), np.int16)
    for number, (start, end) in enumerate(words):
        samples[round(start * RATE) : round(end * RATE)] = _FIRST_WORD + number
    return samples


def budget(limit_bytes: int = 1 << 30) -> Budget:
    return Budget(limit_bytes, "memory", Gauge("held", "held", registry=CollectorRegistry()))


class Turns:
    """Asks each stream when its turn has come, which is the next one of the event loop."""

    def __init__(self) -> None:
        self._hearing: set[asyncio.Task[None]] = set()

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        raise NotImplementedError

    def listen(self, listener: Listener) -> None:
        task = asyncio.get_running_loop().create_task(self._hear(listener))
        self._hearing.add(task)
        task.add_done_callback(self._hearing.discard)

    async def _hear(self, listener: Listener) -> None:
        if (sound := listener.row()) is None:
            return
        try:
            result = await self.speech_probabilities(sound.samples, sound.state)
        except Exception as e:
            listener.failed(e)
        else:
            listener.answered(result)


class ScriptedSpeech(Turns):
    """A window is speech when it is loud; a voice is the window's level; words are as `spoken` says them.

    A word that is not heard whole is misheard. Fails while told to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failing = 0
        self.failure: Exception = UnavailableError("the models do not answer")
        self.fail_after: int | None = None
        self.knows_voices = True
        self.windows_asked: list[int] = []
        self.decodings: list[Decoding] = []
        self.lengths_asked: list[int] = []  # of what was transcribed, in samples
        self.languages = {"en": 0.9, "de": 0.1}
        self.most_transcribing = self.transcribing = 0
        self._asked = asyncio.Event()

    def manifest(self, model: ModelRef) -> Manifest | None:
        return RECOGNISER if model in (ASR, LANGUAGE_ID) else MANIFEST

    async def speech_probabilities(
        self, samples: Samples, state: VadState, model: ModelRef = VAD
    ) -> tuple[Probabilities, VadState]:
        await asyncio.sleep(0)
        self._fail_if_told()
        windows = samples[: len(samples) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES)
        self.windows_asked.append(len(windows))
        self._asked.set()
        return (np.abs(windows.astype(float)).mean(axis=1) > 500).astype(np.float32), state

    async def embed_voice(self, samples: Samples, model: ModelRef = SPEAKER_EMBEDDING) -> Voiceprint:
        await asyncio.sleep(0)
        self._fail_if_told()
        if not self.knows_voices:
            raise UnavailableError("the model speaker_embedding does not keep to its contract")
        vector = np.zeros(256, np.float32)
        vector[0 if samples.max() > 8000 else 1] = 1
        return Voiceprint(vector, MANIFEST)

    async def transcribe(self, samples: Samples, decoding: Decoding, model: ModelRef = ASR) -> Transcript:
        self.decodings.append(decoding)
        self.lengths_asked.append(len(samples))
        self.transcribing += 1
        self.most_transcribing = max(self.most_transcribing, self.transcribing)
        await asyncio.sleep(0)
        self.transcribing -= 1
        self._fail_if_told()
        return Transcript(_words(samples), decoding.language or "en", 0.75)

    async def detect_language(self, samples: Samples, model: ModelRef = LANGUAGE_ID) -> LanguageProbabilities:
        await asyncio.sleep(0)
        self._fail_if_told()
        return LanguageProbabilities.of(self.languages)

    async def until_asked(self, windows: int) -> None:
        async with asyncio.timeout(10):
            while sum(self.windows_asked) < windows:
                self._asked.clear()
                await self._asked.wait()

    def _fail_if_told(self) -> None:
        if self.fail_after is not None:
            self.fail_after -= 1
            self.failing, self.fail_after = (1, None) if self.fail_after == 0 else (0, self.fail_after)
        if self.failing:
            self.failing -= 1
            raise self.failure


def _words(samples: Samples) -> tuple[Word, ...]:
    """A word is whole where quiet or another word stands on both sides of it."""
    edges = np.flatnonzero(np.diff(samples, prepend=np.int16(0), append=np.int16(0)))
    words: list[Word] = []
    for start, end in itertools.pairwise(edges):
        number = int(samples[start]) - _FIRST_WORD
        if number >= 0:
            whole = start > 0 and end < len(samples)
            text = f"word{number}" if whole else "misheard"
            words.append(Word(f" {text}", float(start / RATE), float(end / RATE), 0.95 if whole else 0.5))
    return tuple(words)


def visit_of(caller: Caller, keys: Sequence[str] = ()) -> Visit:
    """Of somebody who may use as much as there is, where these keys are needed."""
    return Visit(Visits(Guard(Keyring(keys))), caller)
