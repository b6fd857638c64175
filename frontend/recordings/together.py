"""What many exports write in the same moment is handed over together, to as many threads as there are for it.

Handed over one by one, a write takes 250 us of the processor, 110 of them for the hand-over and the way back.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

Work = Callable[[], None]

# What may wait is written at a stroke of one clock for all; it comes earlier by so much or by this part of the wait.
_STROKE_SECONDS, _STROKE_SHARE = 0.1, 0.2
_LEAST_SECONDS = 1e-6  # who waits for nothing has no stroke


def stroke(now_seconds: float, wait_seconds: float) -> float:
    """The last one before the wait is over, by the clock of the event loop."""
    due_seconds = now_seconds + wait_seconds
    return due_seconds - due_seconds % max(_LEAST_SECONDS, min(_STROKE_SECONDS, _STROKE_SHARE * wait_seconds))


class Together:
    """Work of one kind for one executor: what comes in one turn of the event loop is a task of each of its threads."""

    def __init__(self, threads: Executor, number: int) -> None:
        self._threads, self._number = threads, number
        self._due: list[tuple[Work, asyncio.Future[None]]] = []

    async def do(self, work: Work) -> None:
        """Raises what it raises; the others' is done all the same."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._due:
            loop.call_soon(self._hand_over)
        self._due.append((work, done))
        await done

    def _hand_over(self) -> None:
        due, self._due = self._due, []
        # One that hangs keeps only its own part waiting, and disks take several writes at once.
        for first in range(min(self._number, len(due))):
            works, waiting = zip(*due[first :: self._number], strict=True)
            try:
                handed = asyncio.get_running_loop().run_in_executor(self._threads, _outcomes, works)
            except RuntimeError as e:  # the threads are gone
                _tell(waiting, [e] * len(waiting))
            else:
                handed.add_done_callback(functools.partial(_tell_of, waiting))


def _outcomes(works: Sequence[Work]) -> list[Exception | None]:
    """In a thread."""
    return [_outcome(work) for work in works]


def _outcome(work: Work) -> Exception | None:
    try:
        work()
    except Exception as e:
        return e
    return None


def _tell_of(waiting: Sequence[asyncio.Future[None]], handed: asyncio.Future[list[Exception | None]]) -> None:
    if handed.cancelled():
        for each in waiting:
            each.cancel()
    else:
        _tell(waiting, handed.result())


def _tell(waiting: Sequence[asyncio.Future[None]], outcomes: Sequence[Exception | None]) -> None:
    for each, error in zip(waiting, outcomes, strict=True):
        if each.done():  # nobody waits any more
            continue
        if error:
            each.set_exception(error)
        else:
            each.set_result(None)
