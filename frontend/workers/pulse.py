"""A worker's event loop beats while it turns; its parent kills the worker whose loop stands still, and fills its seat.
One that serves alone has a watchman.

A process that hangs is worse than one that has died: connections go on arriving at its sockets, and nobody answers.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from frontend.memory.ledger import Ledger
from frontend.telemetry.logs import Log

_BEAT_SECONDS = 0.5
_LOOK_SECONDS = 1.0


class Watched(Protocol):
    """What is looked at of a worker."""

    row: int
    pid: int

    def kill(self) -> None: ...


def _now_ms() -> int:
    """The same clock for all processes."""
    return round(1000 * time.monotonic())


async def beat(ledger: Ledger) -> None:
    """In the worker, until cancelled: who stops is not expected to go on."""
    tally = ledger.tally("pulse")
    try:
        while True:
            tally.set(_now_ms())
            await asyncio.sleep(_BEAT_SECONDS)
    finally:
        tally.set(0)


class Pulse:
    """In the parent."""

    def __init__(self, ledger: Ledger, hung_seconds: float, log: Log) -> None:
        """0: whoever hangs may."""
        self._ledger, self._hung_seconds, self._log = ledger, hung_seconds, log

    async def watch(self, workers: Callable[[], Sequence[Watched]]) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while self._hung_seconds:
            due_seconds = loop.time() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            if loop.time() - due_seconds < _LOOK_SECONDS:  # else all stood still: they may beat first
                for worker in workers():
                    self._look_at(worker)

    def _look_at(self, worker: Watched) -> None:
        last_ms = self._ledger.amount("pulse", worker.row)
        still_seconds = (_now_ms() - last_ms) / 1000
        if last_ms and still_seconds > self._hung_seconds:
            self._log.warning("worker hung", pid=worker.pid, seconds=round(still_seconds, 1))
            worker.kill()
