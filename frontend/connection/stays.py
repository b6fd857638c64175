"""The work of connections from their beginning to their end: none is lost, none fails unnoticed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from frontend.telemetry.logs import Log


class Stays:
    """Of all connections of a process."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[None]] = set()
        self._log = Log("session")

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._left)

    async def end(self, linger_seconds: float) -> None:
        """Each has time to say good-bye; who takes longer is cut, and has time again to put in order what it leaves."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=2 * linger_seconds)
        for task in late:
            task.cancel()
        if late:
            _, unfinished = await asyncio.wait(late, timeout=linger_seconds)
            self._log.warning("connections were cut", connections=len(late), unfinished=len(unfinished))

    def _left(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._log.exception("a connection failed", error)
