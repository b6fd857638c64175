"""Joins small calls of many streams into one call of the model.

The first row of a batch waits a few milliseconds for others; while all permitted calls are under way, rows go on
gathering, so batches grow with the load by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(frozen=True)
class BatchOptions:
    max_rows: int
    wait_seconds: float
    max_in_flight: int


@dataclass(eq=False)
class _Waiting(Generic[Row, Result]):
    row: Row
    result: asyncio.Future[Result]
    since: float


class Batcher(Generic[Row, Result]):
    """Rows go in one by one and out together; each gets its own result, or the error of its batch."""

    def __init__(
        self,
        call: Callable[[Sequence[Row]], Awaitable[Sequence[Result]]],
        options: BatchOptions,
        observe: Callable[[int, Sequence[float]], None],
    ) -> None:
        self._call = call
        self._options = options
        self._observe = observe
        self._waiting: deque[_Waiting[Row, Result]] = deque()
        self._full = asyncio.Event()
        self._permits = asyncio.Semaphore(options.max_in_flight)
        self._dispatching: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def submit(self, row: Row) -> Result:
        loop = asyncio.get_running_loop()
        waiting: _Waiting[Row, Result] = _Waiting(row, loop.create_future(), loop.time())
        self._waiting.append(waiting)
        if len(self._waiting) >= self._options.max_rows:
            self._full.set()
        if self._dispatching is None:
            self._dispatching = loop.create_task(self._dispatch())
        return await waiting.result

    async def drain(self) -> None:
        """Return when nothing waits and nothing is under way."""
        while pending := [task for task in (self._dispatching, *self._running) if task is not None]:
            await asyncio.wait(pending)

    async def _dispatch(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                await self._permits.acquire()
                self._send()
        finally:
            self._dispatching = None

    async def _gather(self) -> None:
        """Let the batch grow until it is full or its first row has waited long enough."""
        left = self._waiting[0].since + self._options.wait_seconds - asyncio.get_running_loop().time()
        if left <= 0 or len(self._waiting) >= self._options.max_rows:
            return
        self._full.clear()
        try:
            async with asyncio.timeout(left):
                await self._full.wait()
        except TimeoutError:
            pass

    def _send(self) -> None:
        batch: list[_Waiting[Row, Result]] = []
        while self._waiting and len(batch) < self._options.max_rows:
            waiting = self._waiting.popleft()
            if not waiting.result.done():  # its stream may be gone
                batch.append(waiting)
        if not batch:
            self._permits.release()
            return
        task = asyncio.get_running_loop().create_task(self._run(batch))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, batch: list[_Waiting[Row, Result]]) -> None:
        now = asyncio.get_running_loop().time()
        self._observe(len(batch), [now - waiting.since for waiting in batch])
        try:
            results = await self._call([waiting.row for waiting in batch])
            answered = list(zip(batch, results, strict=True))
        except Exception as error:  # belongs to the streams of this batch, whatever it is
            for waiting in batch:
                if not waiting.result.done():
                    waiting.result.set_exception(error)
        else:
            for waiting, result in answered:
                if not waiting.result.done():
                    waiting.result.set_result(result)
        finally:
            self._permits.release()
