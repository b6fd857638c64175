"""How long things wait that should not wait: what says that the machine is full, before anybody complains."""

import math
import time
from collections.abc import Callable

Clock = Callable[[], float]


class Level:
    """The mean of what was observed lately: of `seconds`, with less weight the longer ago.

    Few observations say little: fewer than three of them are filled up with zeros, and so is a time without any.
    """

    _LEAST = 3.0

    __slots__ = ("_at", "_clock", "_count", "_seconds", "_sum")

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds, self._clock = seconds, clock
        self._sum = self._count = 0.0
        self._at = clock()

    def observe(self, value: float) -> None:
        self._age()
        self._sum += value
        self._count += 1.0

    def forget(self) -> None:
        self._sum = self._count = 0.0

    @property
    def value(self) -> float:
        self._age()
        return self._sum / max(self._LEAST, self._count)

    def _age(self) -> None:
        now = self._clock()
        left = math.exp((self._at - now) / self._seconds)
        self._sum *= left
        self._count *= left
        self._at = now


class Pressure:
    """Of one process; whoever waits says so here."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        # How late the event loop wakes a sleeper, and the part of its time that it works.
        self.loop_lag_seconds = Level(2.0, clock)
        self.loop_busy = Level(5.0, clock)
        self._worked_seconds = time.thread_time()
        # What is asked of models for people who speak, until Triton takes it.
        self.queue_seconds = Level(1.0, clock)
        # How late finals of live streams are told.
        self.live_lag_seconds = Level(2.0, clock)

    def observe_loop(self, lag_seconds: float, period_seconds: float) -> None:
        """By the event loop's thread: how late it was woken after this time."""
        worked_seconds = time.thread_time()
        self.loop_lag_seconds.observe(lag_seconds)
        self.loop_busy.observe((worked_seconds - self._worked_seconds) / (period_seconds + lag_seconds))
        self._worked_seconds = worked_seconds
