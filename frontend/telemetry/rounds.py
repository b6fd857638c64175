"""Work that many may ask for and that is done for all of them together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Rounds(Generic[T]):
    """Whoever asks gets the result of a round that began afterwards; rounds begin a while apart, whoever asks."""

    def __init__(self, work: Callable[[], Awaitable[T]], pause_seconds: float) -> None:
        self._work = work
        self._pause_seconds = pause_seconds
        self._next: asyncio.Task[T] | None = None
        self._turn = asyncio.Lock()
        self._not_before = float("-inf")

    async def join(self) -> T:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._round())
        return await asyncio.shield(self._next)  # one that goes away leaves the round to the others

    async def _round(self) -> T:
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(max(0.0, self._not_before - loop.time()))
            self._not_before = loop.time() + self._pause_seconds
            self._next = None
            return await self._work()
