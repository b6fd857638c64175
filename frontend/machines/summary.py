"""The summary of a stream in frames of 30 ms, encoded as it grows.

A frame's flag is the newest voice activity decision at a fixed delay before the frame's end, so it is a function of the
frame's position alone and never changes once it was sent.
"""

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass

from frontend.speech import RATE, WINDOW_SAMPLES

FRAME_MS = 30
_FRAME_SAMPLES = RATE * FRAME_MS // 1000
# Each flag takes six bytes, so any run of frames is one slice of the encoded text.
_FLAGS = (b",false", b",true ")
_FLAG_BYTES = 6


@dataclass(slots=True)
class SpeechSummary:
    """What is known at one moment. The flags are a slice of a shared text that only grows, so keeping one is cheap."""

    client_samples: int
    rate: int
    frames: int
    speech_frames: int
    trailing_frames: int
    encoded: bytearray
    first_byte: int
    last_byte: int

    @property
    def total_seconds(self) -> float:
        return _single(self.client_samples / self.rate)

    @property
    def background_seconds(self) -> float:
        return _single((self.frames - self.speech_frames) * FRAME_MS / 1000)

    @property
    def speech_seconds(self) -> float:
        return _single(self.speech_frames * FRAME_MS / 1000)

    @property
    def trailing_background_seconds(self) -> float:
        return _single(self.trailing_frames * FRAME_MS / 1000)

    def flags(self) -> bytes:
        """The frames' flags as the inside of a JSON array."""
        with memoryview(self.encoded) as view:
            return bytes(view[self.first_byte + 1 : self.last_byte])


class Summariser:
    """Gathers window decisions and tells what they mean for the samples that a client has sent."""

    def __init__(self, rate: int, delay_samples: int, max_frames: int | None = None) -> None:
        self._rate = rate
        self._delay_samples = delay_samples
        self._max_frames = max_frames
        self._decisions: list[bool] = []
        self._forgotten = 0  # decisions no coming frame needs
        self._frames = self._speech_frames = self._trailing_frames = 0
        self._encoded = bytearray()

    def feed(self, decisions: Sequence[bool], client_samples: int) -> SpeechSummary:
        """The summary after so many samples of the client's rate in all."""
        self._decisions.extend(decisions)
        while self._frames < client_samples * 1000 // (self._rate * FRAME_MS):
            windows = max(0, ((self._frames + 1) * _FRAME_SAMPLES - self._delay_samples) // WINDOW_SAMPLES)
            if windows > self._forgotten + len(self._decisions):
                break  # not decided yet: the models did not answer; the frame comes with a later message
            self._add_frame(windows > 0 and self._decisions[windows - 1 - self._forgotten])
            needed_from = max(0, windows - 1 - self._forgotten)
            del self._decisions[:needed_from]
            self._forgotten += needed_from
        return self._summary(client_samples)

    def _add_frame(self, speaking: bool) -> None:
        self._frames += 1
        self._speech_frames += speaking
        self._trailing_frames = 0 if speaking else self._trailing_frames + 1
        if self._max_frames and len(self._encoded) >= 2 * self._max_frames * _FLAG_BYTES:
            # A new text: summaries that wait to be sent still refer to the old one.
            self._encoded = self._encoded[-self._max_frames * _FLAG_BYTES :]
        self._encoded += _FLAGS[speaking]

    def _summary(self, client_samples: int) -> SpeechSummary:
        last = len(self._encoded)
        first = 0 if self._max_frames is None else max(0, last - self._max_frames * _FLAG_BYTES)
        counts = client_samples, self._rate, self._frames, self._speech_frames, self._trailing_frames
        return SpeechSummary(*counts, self._encoded, first, last)


@functools.lru_cache(maxsize=4096)  # streams that run beside each other come to the same numbers
def _single(value: float) -> float:
    """The number as existing clients know it: rounded to 32 bits, written with 64."""
    return ctypes.c_float(value).value
