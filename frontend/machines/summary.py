"""The summary of a stream in frames of 30 ms, encoded as it grows.

A frame's flag is the newest voice activity decision at a fixed delay before the frame's end, so it is a function of the
frame's position alone and never changes once it was sent.
"""

import ctypes
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
        return seconds_of(self.client_samples, self.rate)

    @property
    def background_seconds(self) -> float:
        return seconds_of((self.frames - self.speech_frames) * FRAME_MS)

    @property
    def speech_seconds(self) -> float:
        return seconds_of(self.speech_frames * FRAME_MS)

    def flags(self) -> bytearray:
        """The frames' flags as the inside of a JSON array."""
        return self.encoded[self.first_byte + 1 : self.last_byte]


def seconds_of(count: int, a_second: int = 1000) -> float:
    """The number as existing clients know it: rounded to 32 bits, written with 64."""
    return ctypes.c_float(count / a_second).value


class Summariser:
    """Gathers window decisions and tells what they mean for the samples that a client has sent."""

    def __init__(self, rate: int, delay_samples: int, max_frames: int | None = None) -> None:
        self._rate, self._frame_rate = rate, rate * FRAME_MS
        self._delay_samples = delay_samples
        self._max_frames = max_frames
        self._decisions: list[bool] = []
        self._forgotten = 0  # decisions no coming frame needs
        self._frames = self._speech_frames = self._trailing_frames = 0
        self._encoded = bytearray()

    def feed(self, decisions: Sequence[bool], client_samples: int) -> SpeechSummary:
        """The summary after so many samples of the client's rate in all."""
        self._decisions.extend(decisions)
        due, last = client_samples * 1000 // self._frame_rate, -1
        while self._frames < due:
            windows = ((self._frames + 1) * _FRAME_SAMPLES - self._delay_samples) // WINDOW_SAMPLES
            newest = windows - 1 - self._forgotten
            if newest >= len(self._decisions):
                break  # not decided yet: the models did not answer; the frame comes with a later message
            self._add_frame(windows > 0 and self._decisions[newest])
            last = newest
        if last > 0:
            del self._decisions[:last]
            self._forgotten += last
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
        frames, speech_frames, trailing_frames = self._frames, self._speech_frames, self._trailing_frames
        return SpeechSummary(
            client_samples, self._rate, frames, speech_frames, trailing_frames, self._encoded, first, last
        )
