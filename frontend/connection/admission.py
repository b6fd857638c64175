"""Who else is let in: as many as the machine was seen to carry, whatever the settings allow.

Nothing is known of a machine before it was full once. Full is when somebody waits: the event loop's sleepers, what is
asked of the models, or finals of live streams. Then nobody is let in until the waiting is half of what makes it full,
and nine tenths of the streams that ran then are what the machine carries from now on. That number grows while it keeps
somebody out and nobody waits, so that what was learned in a bad moment is not believed for long. Streams that run are
never ended for it.
"""

import asyncio
import math
from collections.abc import Mapping
from typing import Literal

from frontend.config import settings
from frontend.errors import OverloadedError
from frontend.telemetry.load_figures import LoadFigures
from frontend.telemetry.pressure import Level, Pressure

Kind = Literal["streams", "files"]
_LOOK_SECONDS = 0.25
# Of what makes it full, so much is left when it no longer is: between the two nothing changes.
_RELIEVED = 0.5
# Of the streams that ran when it was full, so many are carried well; fewer where they go on waiting for so long, but no
# fewer than the third.
_CARRIED = 0.9
_PATIENCE_SECONDS = 5.0
_SURELY_CARRIED = 0.7
# No machine is thought to carry less.
_LEAST_STREAMS = 4.0
# Of the capacity, while it keeps somebody out and nobody waits; twice as much with each half of a minute of that. What
# too many cost shows seconds later, and must be little by then.
_GROWTH_A_SECOND = 0.003
_FASTEST_GROWTH_A_SECOND = 0.05
_DOUBLING_SECONDS = 30.0
# How long it is remembered that somebody was kept out.
_KEPT_OUT_SECONDS = 3.0
_FULL_RETRY_SECONDS = 5
_LONGEST_RETRY_SECONDS = 30
_DEPARTURES_SECONDS = 60.0


class Admission:
    """Of one process."""

    def __init__(self, options: settings.Admission, pressure: Pressure, figures: LoadFigures) -> None:
        self._options, self._pressure, self._figures = options, pressure, figures
        self.streams = 0
        self.full = False
        # How many streams are carried; None before it was learned.
        self.capacity: float | None = None
        self._looked_at = pressure.clock()
        self._kept_out_at = self._learned_at = float("-inf")
        self._grown_seconds = 0.0
        self._departures = Level(_DEPARTURES_SECONDS, pressure.clock)
        self._left = 0

    def enter(self, kind: Kind) -> None:
        """Who was let in."""
        self.streams += kind == "streams"

    def leave(self, kind: Kind) -> None:
        self.streams -= kind == "streams"
        self._left += kind == "streams"

    def admit(self, kind: Kind) -> None:
        """OverloadedError when there is no room for one more."""
        if not self._options.enabled:
            return
        if self.full:
            raise self._refusal(kind, "people wait already for what is running")
        if kind == "files" and not self._has_room_for_files:
            raise self._refusal(kind, "what is left is for people who speak")
        if kind == "streams" and not self._has_room_for_streams:
            self._kept_out_at = self._pressure.clock()
            raise self._refusal(kind, f"{self.streams} streams are what it carries")

    @property
    def _has_room_for_streams(self) -> bool:
        return self.capacity is None or self.streams < self.capacity

    @property
    def _has_room_for_files(self) -> bool:
        return self.percent < self._options.files_percent

    @property
    def waiting(self) -> float:
        """The longest wait, as a part of what makes it full."""
        pressure, options = self._pressure, self._options
        return max(
            pressure.loop_lag_seconds.value / options.loop_lag_seconds,
            pressure.queue_seconds.value / options.queue_seconds,
            pressure.live_lag_seconds.value / options.live_lag_seconds,
        )

    @property
    def percent(self) -> float:
        """How full it is: of what it carries, of the event loop's time, of how long is waited; whichever is most."""
        carried = self.streams / self.capacity if self.capacity else 0.0
        return 100.0 * min(1.0, max(carried, self.waiting, self._pressure.loop_busy.value, float(self.full)))

    async def watch(self) -> None:
        """Look how full it is, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def told(self) -> Mapping[str, object]:
        """For an operator."""
        rooms = {"streams": self._has_room_for_streams, "files": self._has_room_for_files}
        return {
            "full_percent": round(self.percent),
            "streams": self.streams,
            "capacity_streams": None if self.capacity is None else round(self.capacity),
            "takes": [] if self.full else [kind for kind, has_room in rooms.items() if has_room],
        }

    def look(self) -> None:
        if not self.streams:
            self._pressure.live_lag_seconds.forget()  # that of people who have left
        now, waiting = self._pressure.clock(), self.waiting
        past_seconds, self._looked_at = now - self._looked_at, now
        self._departures.observe(self._left / past_seconds if past_seconds > 0 else 0.0)
        self._left = 0
        if waiting >= 1.0:
            self._learn(now)
        elif waiting <= _RELIEVED:
            self.full = False
            self._grow(past_seconds * min(1.0, 2 * (1 - waiting / _RELIEVED)), now)
        self._figures.tell(self.percent, self.capacity or 0.0)

    def _learn(self, now: float) -> None:
        """When it gets full, and again while it stays so."""
        carried = _CARRIED * self.streams
        if self.full and now - self._learned_at < _PATIENCE_SECONDS:
            return
        if self.full and self.capacity is not None:
            carried = max(_SURELY_CARRIED * self.streams, _CARRIED * self.capacity)
        self.full, self._learned_at, self._grown_seconds = True, now, 0.0
        if self.streams:
            self.capacity = max(_LEAST_STREAMS, min(carried, self.capacity or math.inf))

    def _grow(self, seconds: float, now: float) -> None:
        if self.capacity is None or now - self._kept_out_at > _KEPT_OUT_SECONDS:
            return
        self._grown_seconds += seconds
        growth = _GROWTH_A_SECOND * 2 ** (self._grown_seconds / _DOUBLING_SECONDS)
        self.capacity *= 1 + seconds * min(growth, _FASTEST_GROWTH_A_SECOND)

    def _refusal(self, kind: Kind, why: str) -> OverloadedError:
        self._figures.refused.labels(kind).inc()
        rate = self._departures.value
        seconds = min(_LONGEST_RETRY_SECONDS, max(1, round(1 / rate))) if rate else _FULL_RETRY_SECONDS
        if self.full:
            seconds = max(seconds, _FULL_RETRY_SECONDS)
        return OverloadedError(f"the machine is {self.percent:.0f} % full, {why}: try again in {seconds} s", seconds)
