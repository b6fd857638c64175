"""Scripted stand-ins for what the tested code talks to."""

import asyncio
from collections.abc import Sequence

import numpy as np
from prometheus_client import CollectorRegistry, Gauge

from frontend.budget import Budget
from frontend.conversation import Message
from frontend.errors import UnavailableError
from frontend.speech import (
    SPEAKER_EMBEDDING,
    VAD,
    WINDOW_SAMPLES,
    Manifest,
    ModelRef,
    Probabilities,
    Samples,
    VadState,
    Voiceprint,
)

MANIFEST = Manifest("speaker_embedding", "00" * 16, {"slope": 20.0, "intercept": -14.0}, 10.0, 256)


def budget(limit_bytes: int = 1 << 30) -> Budget:
    return Budget(limit_bytes, "memory", Gauge("held", "held", registry=CollectorRegistry()))


class ScriptedSpeech:
    """A window is speech when it is loud; a voice is the window's level. Fails while told to."""

    def __init__(self) -> None:
        self.failing = 0
        self.fail_after: int | None = None
        self.knows_voices = True
        self.windows_asked: list[int] = []
        self._asked = asyncio.Event()

    def manifest(self, model: ModelRef) -> Manifest | None:
        return MANIFEST

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
            raise UnavailableError("the models do not answer")


class ScriptedSocket:
    """A client that sends what it is told to, and reads only while `reading` is set."""

    def __init__(self, *messages: Message) -> None:
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        for message in messages:
            self.incoming.put_nowait(message)
        self.sent: list[str] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.closed: tuple[int, str] | None = None
        self._changed = asyncio.Event()

    async def receive(self) -> Message | None:
        return await self.incoming.get()

    async def send(self, data: bytes) -> None:
        await self.reading.wait()
        self.sent.append(data.decode())
        self._changed.set()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    async def until_sent(self, count: int) -> Sequence[str]:
        async with asyncio.timeout(10):
            while len(self.sent) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.sent
