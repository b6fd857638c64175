"""One of the places that workers fill: its sockets, who sits there, and how soon somebody may again."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from frontend.workers.listening import Listeners
from frontend.workers.process import WorkerProcess

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0


@dataclass(eq=False)
class Seat:
    number: int
    listeners: Listeners
    # Two while one replaces the other: both accept from the same sockets, so that no connection is lost.
    workers: list[WorkerProcess] = field(default_factory=list)
    filling: bool = False  # a process is being started for it
    _deaths: int = 0
    _last_death_seconds: float = float("-inf")

    @property
    def sockets(self) -> Sequence[tuple[str, socket.socket]]:
        """Each with the name of its listener."""
        return [(name, each) for name, group in self.listeners.items() for each in group]

    @property
    def is_vacant(self) -> bool:
        return all(worker.leaving for worker in self.workers)

    @property
    def serving(self) -> WorkerProcess | None:
        return next((worker for worker in self.workers if worker.serves), None)

    async def settled(self, seconds: float) -> None:
        """Whoever was started serves, or is gone, or so long has passed."""
        if starting := [worker.listening for worker in self.workers if not worker.listening.done()]:
            await asyncio.wait(starting, timeout=seconds)

    def pause_seconds(self, now_seconds: float) -> float:
        """After a death: doubling, and from the beginning again after a healthy while."""
        healthy = now_seconds - self._last_death_seconds > _HEALTHY_SECONDS
        self._deaths = 1 if healthy else self._deaths + 1
        self._last_death_seconds = now_seconds
        return min(_FIRST_PAUSE_SECONDS * float(1 << min(self._deaths - 1, 16)), _LONGEST_PAUSE_SECONDS)
