"""How many come a second, and how long it pays to let each wait for others.

Where few come nobody waits; where many do, all wait for the whole of the time: what they save together is worth it.
"""

# At so many a second they wait for all of it.
_BUSY_PER_SECOND = 600.0
# The rate is that of about the last so many seconds.
_SECONDS = 0.5


class Rate:
    def __init__(self) -> None:
        self._per_second = self._counted_seconds = 0.0

    def count(self, number: int, now: float) -> None:
        past_seconds = now - self._counted_seconds
        weight = min(1.0, past_seconds / _SECONDS)
        if past_seconds > 0:
            self._per_second += weight * (number / max(past_seconds, 1e-6) - self._per_second)
        self._counted_seconds = now

    def wait_seconds(self, most_seconds: float) -> float:
        return most_seconds * min(1.0, self._per_second / _BUSY_PER_SECOND)
