"""Continuous verification: which stretches of a stream to compare, and what the recent ones say together."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from frontend.speech import RATE, WINDOW_SAMPLES, Samples, Vector, mean_voice

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class VerificationOptions:
    """Window and hop are distances in the stream; the context is how far back a score remembers."""

    window_seconds: float
    context_seconds: float
    hop_seconds: float = 1.0
    min_speech_seconds: float = 0.5


@dataclass(frozen=True)
class Interval:
    """A stretch of the stream in samples of the client's rate, the end exclusive."""

    start_sample: int
    end_sample: int
    rate: int


@dataclass(frozen=True)
class VoiceWindow:
    """A complete window: where it lies, the speech that was found in it, and in which of the stream's decisions."""

    interval: Interval
    speech: Samples
    spoken: Numbers


class Resemblance(NamedTuple):
    """How alike two voices are, and how much speech that was found in."""

    score: float
    speech_seconds: float


class WindowCutter:
    """Cuts a stream into windows and keeps of each what is speech."""

    def __init__(self, rate: int, delay_samples: int, options: VerificationOptions) -> None:
        self._rate = rate
        self._delay_samples = delay_samples
        self._window_samples = round(options.window_seconds * rate)
        self._hop = max(1, round(options.hop_seconds * rate))
        self._heard: deque[tuple[Samples, bool]] = deque()
        self._forgotten = 0
        self._next_start = 0

    def feed(self, audio: Samples, decisions: Sequence[bool], client_samples: int) -> list[VoiceWindow]:
        """The windows that became complete; `audio` holds the decided 512-sample windows, whole."""
        self._heard.extend(zip(audio.reshape(-1, WINDOW_SAMPLES), decisions, strict=True))
        complete = []
        while self._next_start + self._window_samples <= client_samples:
            end = self._next_start + self._window_samples
            last = (end * RATE // self._rate - self._delay_samples) // WINDOW_SAMPLES
            if last > self._forgotten + len(self._heard):
                break  # not decided yet: the models did not answer
            complete.append(self._window_to(end, last))
            self._next_start += self._hop
            self._forget(self._first_window())
        return complete

    def _first_window(self) -> int:
        """The first whole window of voice activity inside the coming window of verification."""
        return -(-self._next_start * RATE // self._rate // WINDOW_SAMPLES)

    def _window_to(self, end: int, last: int) -> VoiceWindow:
        inside = range(self._first_window(), last)
        spoken = [number for number in inside if self._heard[number - self._forgotten][1]]
        speech = [self._heard[number - self._forgotten][0] for number in spoken]
        interval = Interval(self._next_start, end, self._rate)
        return VoiceWindow(interval, np.concatenate([np.zeros(0, np.int16), *speech]), np.array(spoken, np.int64))

    def _forget(self, before: int) -> None:
        while self._heard and self._forgotten < before:
            self._heard.popleft()
            self._forgotten += 1


class VoiceMemory:
    """The voices of the recent windows; compares them as one with a template."""

    def __init__(self, template: Vector, context_samples: int) -> None:
        self._template = template
        self._context_samples = context_samples
        self._recent: deque[tuple[VoiceWindow, Vector]] = deque()

    def feed(self, window: VoiceWindow, voice: Vector) -> Resemblance:
        """The similarity of the stream's recent voice to the template, and how much speech of it is remembered."""
        self._recent.append((window, voice))
        start = window.interval.end_sample - self._context_samples
        while self._recent[0][0].interval.start_sample < start and len(self._recent) > 1:
            self._recent.popleft()
        voices = [vector for _, vector in self._recent]
        return Resemblance(float(mean_voice(voices) @ self._template), self._speech_seconds())

    def _speech_seconds(self) -> float:
        """Windows overlap: of each counts what comes after the one before it."""
        count, heard_to = 0, -1
        for window, _ in self._recent:
            count += len(window.spoken) - int(np.searchsorted(window.spoken, heard_to, "right"))
            heard_to = int(window.spoken[-1]) if len(window.spoken) else heard_to
        return count * WINDOW_SAMPLES / RATE
