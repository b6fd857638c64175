"""How busy the machine's processors are."""

import time
from pathlib import Path

# Asked more often, the same is told again: over too short a time a share says nothing.
_LEAST_SECONDS = 0.5
_IDLE = slice(3, 5)  # idle, and waiting for the disk


class Processors:
    """Their load since the last time it was asked for."""

    def __init__(self) -> None:
        self._times = _times()
        self._asked_seconds = time.monotonic()
        self._percent = [0.0] * len(self._times)

    def percent(self) -> list[float]:
        """Of each, 0 to 100."""
        now = time.monotonic()
        if now - self._asked_seconds >= _LEAST_SECONDS:
            times = _times()
            self._percent = [_busy_percent(*pair) for pair in zip(self._times, times, strict=False)]
            self._times, self._asked_seconds = times, now
        return self._percent


def _busy_percent(before: list[int], after: list[int]) -> float:
    spent = [new - old for old, new in zip(before, after, strict=True)]
    return 100 * (1 - sum(spent[_IDLE]) / sum(spent)) if sum(spent) > 0 else 0.0


def _times() -> list[list[int]]:
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    # Time spent for guests is in the user time already.
    return [[int(each) for each in line.split()[1:9]] for line in lines if line.startswith("cpu") and line[3].isdigit()]
