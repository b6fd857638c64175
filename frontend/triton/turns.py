"""Joins what many streams want of a model into few calls, in turns.

Whoever wants something says so and is asked what it is only when its turn comes, so that what arrived meanwhile goes
along. The first one of a turn waits a moment for others: not at all where few ask, up to `wait_seconds` where many do,
because a call costs the same whatever its rows. While all permitted calls are under way askers go on gathering, so
turns grow with the load by themselves; whoever has waited so for `give_up_seconds` is told that it was in vain.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from frontend.errors import DeadlineError
from frontend.telemetry.rate import Rate
from frontend.triton.tensors import Row

# Rows of different lengths share a call as long as padding makes it no larger than so many times what they hold.
_MOST_PADDING = 2


class Asker(Protocol):
    """Who wants something of a model."""

    def row(self) -> Row | None:
        """What it is, now that the turn has come; None when nothing is wanted any more."""
        ...

    def answered(self, result: Any) -> None: ...

    def failed(self, error: Exception) -> None: ...


@dataclass(frozen=True)
class TurnOptions:
    """What bounds a turn. Rows of one call have one size: the smallest of `sizes` that holds the longest of them."""

    sizes: Sequence[int]
    max_rows: int
    max_samples: int
    wait_seconds: float
    give_up_seconds: float


Call = Callable[[Sequence[Row]], Awaitable[Sequence[Any]]]


class Permits(Protocol):
    """How many calls may be under way at once."""

    def locked(self) -> bool:
        """Whether who asks for one now has to wait."""
        ...

    async def acquire(self) -> Any: ...

    def release(self) -> None: ...


class Turns:
    """One model's. `call` makes one request of several rows; it is under way until it gives the permit back itself."""

    def __init__(
        self, call: Call, permits: Permits, options: TurnOptions, observe: Callable[[int, float], None]
    ) -> None:
        self._call = call
        self._permits = permits
        self._options = options
        self._observe = observe
        self._asking: deque[tuple[Asker, float]] = deque()
        self._full = asyncio.Event()
        self._hurried = False
        self._taking: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._rate = Rate()
        self._loop = asyncio.get_running_loop()  # asking for it asks the kernel who we are

    def ask(self, asker: Asker) -> None:
        self._asking.append((asker, self._loop.time()))
        if len(self._asking) >= self._options.max_rows:
            self._full.set()
        if self._taking is None:
            self._taking = self._loop.create_task(self._take_turns())

    def hurry(self) -> None:
        """Whoever asks now has waited elsewhere: their turn comes at once."""
        if self._asking:
            self._hurried = True
            self._full.set()

    async def drain(self) -> None:
        """Return when nobody waits and nothing is under way."""
        while pending := [task for task in (self._taking, *self._running) if task is not None]:
            await asyncio.wait(pending)

    async def _take_turns(self) -> None:
        try:
            while self._asking:
                await self._gather()
                if await self._permitted():
                    self._begin()
        finally:
            self._taking = None

    async def _gather(self) -> None:
        """Let the turn grow until it is full or its first asker has waited long enough."""
        wait_seconds = self._rate.wait_seconds(self._options.wait_seconds)
        left_seconds = self._asking[0][1] + wait_seconds - self._loop.time()
        if self._hurried or left_seconds <= 0 or len(self._asking) >= self._options.max_rows:
            return
        self._full.clear()
        timer = self._loop.call_later(left_seconds, self._full.set)
        await self._full.wait()
        timer.cancel()

    async def _permitted(self) -> bool:
        """Wait for a permit for as long as anybody waits for it; whether it was given."""
        if not self._permits.locked():  # the usual case, which needs no timer
            await self._permits.acquire()
            return True
        while self._asking:
            try:
                async with asyncio.timeout_at(self._asking[0][1] + self._options.give_up_seconds):
                    await self._permits.acquire()
                return True
            except TimeoutError:
                self._give_up()
        return False

    def _give_up(self) -> None:
        error, now = DeadlineError("the models are too busy to answer in time"), self._loop.time()
        while self._asking and self._asking[0][1] + self._options.give_up_seconds <= now:
            self._asking.popleft()[0].failed(error)

    def _begin(self) -> None:
        """Ask the askers and call; the permit goes back where there is nothing to call for."""
        self._hurried = False
        now = self._loop.time()
        turn, waited_seconds = self._next_turn(now)
        self._rate.count(len(turn), now)
        if not turn:
            self._permits.release()
            return
        task = self._loop.create_task(self._run(turn))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        self._observe(len(turn), waited_seconds)

    def _next_turn(self, now: float) -> tuple[list[tuple[Asker, Row]], float]:
        """The oldest asker, and behind it those whose rows go well with its own; how long the oldest waited."""
        turn: list[tuple[Asker, Row]] = []
        others: list[tuple[Asker, float]] = []
        waited_seconds, size, total = 0.0, 0, 0
        while self._asking and len(turn) < self._options.max_rows:
            asker, since = self._asking.popleft()
            if (row := _row_of(asker)) is None:
                continue
            length = len(row.samples)
            larger = max(size, self._size(length))
            padded = larger * (len(turn) + 1)
            if turn and padded > min(self._options.max_samples, _MOST_PADDING * (total + length)):
                others.append((asker, since))
                continue
            size, total = larger, total + length
            waited_seconds = max(waited_seconds, now - since)
            turn.append((asker, row))
        self._asking.extendleft(reversed(others))
        return turn, waited_seconds

    def _size(self, length: int) -> int:
        return next((size for size in self._options.sizes if size >= length), length)

    async def _run(self, turn: Sequence[tuple[Asker, Row]]) -> None:
        try:
            results = await self._call([row for _, row in turn])
            answered = list(zip(turn, results, strict=True))
        except Exception as error:  # belongs to the askers of this turn, whatever it is
            for asker, _ in turn:
                asker.failed(error)
        else:
            for (asker, _), result in answered:
                asker.answered(result)


def _row_of(asker: Asker) -> Row | None:
    """None as well where an asker cannot say what it wants, which is its own error: the others go on."""
    try:
        return asker.row()
    except Exception as error:
        asker.failed(error)
        return None
