"""How much of a live stream's audio has come, and how much of it could have been said by now."""

import time

from frontend.dialogue.tasks import Audio
from frontend.speech import RATE

_GRACE_SECONDS = 0.5


class Arrival:
    """Of one stream, from when it begins."""

    def __init__(self, audio: Audio, rate: int) -> None:
        self._audio = audio
        self._bytes_per_second = 2 * rate
        self._began_seconds = time.monotonic()

    @property
    def total_samples(self) -> int:
        """What the client sent so far, at 16 kHz."""
        return self._audio.received_bytes * RATE // self._bytes_per_second

    @property
    def due_samples(self) -> int:
        """Of these, what a client that speaks could have said by now: a recording pushed faster is not late."""
        spoken_seconds = time.monotonic() - self._began_seconds + _GRACE_SECONDS
        return min(self.total_samples, round(spoken_seconds * RATE))
