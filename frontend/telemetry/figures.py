"""What `/metrics` says: the figures of this process and of those beside it, put together off the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from frontend.telemetry.joining import Joined
from frontend.telemetry.metrics import Metrics
from frontend.telemetry.rounds import Rounds

# Everybody may ask, and each page takes milliseconds of a processor: so many are made in a second.
PAGES_A_SECOND = 4


@dataclass(frozen=True)
class Page:
    figures: Joined
    text: bytes


class Figures:
    def __init__(self, metrics: Metrics, everybodys: Callable[[], Awaitable[Sequence[bytes]]] | None = None) -> None:
        """`everybodys` snapshots are asked for where this process is not the only one."""
        self._metrics = metrics
        self._everybodys = everybodys or self._mine
        self._pages = Rounds(self._make, 1 / PAGES_A_SECOND)

    async def page(self) -> Page:
        """As things stand now. Whoever asks too soon after another waits a little and shares a page."""
        return await self._pages.join()

    async def _mine(self) -> Sequence[bytes]:
        return [await asyncio.to_thread(self._metrics.snapshot)]

    async def _make(self) -> Page:
        return await asyncio.to_thread(_page, await self._everybodys())


def _page(snapshots: Sequence[bytes]) -> Page:
    figures = Joined(snapshots)
    return Page(figures, figures.rendered())
