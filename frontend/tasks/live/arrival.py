"""How much of a live stream's audio has come, and how much of it could have been said by now."""

import time

from frontend.speech import RATE
from frontend.tasks.intake import Intake

_GRACE_SECONDS = 0.5


class Arrival:
    """Of one stream, from when it begins."""

    def __init__(self) -> None:
        self._began_seconds = time.monotonic()
        self.intake: Intake | None = None

    @property
    def total_samples(self) -> int:
        """What the client sent so far, at 16 kHz."""
        return self.intake.estimated_samples if self.intake else 0

    @property
    def due_samples(self) -> int:
        """Of these, what a client that speaks could have said by now: a recording pushed faster is not late."""
        spoken_seconds = time.monotonic() - self._began_seconds + _GRACE_SECONDS
        return min(self.total_samples, round(spoken_seconds * RATE))
