"""What is written in one moment is handed over together, and each is told what became of its own."""

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.recordings.together import Together, stroke

THREADS = 2


class Counting(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(THREADS)
        self.tasks = 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        self.tasks += 1
        return super().submit(work, *arguments, **named)


def waiting_for(event: threading.Event) -> None:
    event.wait()


def failing() -> None:
    raise OSError(28, "no room")


async def test_what_comes_in_one_turn_is_one_task_of_each_thread() -> None:
    done = list[int]()
    with Counting() as threads:
        together = Together(threads, THREADS)
        for turn in (1, 2):
            await asyncio.gather(*(together.do(functools.partial(done.append, number)) for number in range(5)))
            assert threads.tasks == THREADS * turn
    assert sorted(done) == sorted([0, 1, 2, 3, 4] * 2)


async def test_one_that_hangs_keeps_its_own_part_waiting() -> None:
    done, goes_on = list[int](), threading.Event()
    with Counting() as threads:
        together = Together(threads, THREADS)
        hanging = asyncio.create_task(together.do(functools.partial(waiting_for, goes_on)))
        others = [asyncio.create_task(together.do(functools.partial(done.append, number))) for number in range(1, 8)]
        await asyncio.gather(*others[::2])
        assert done == [1, 3, 5, 7]
        assert not any(each.done() for each in (hanging, *others[1::2]))
        goes_on.set()
        await asyncio.gather(hanging, *others)
    assert sorted(done) == [*range(1, 8)]


async def test_one_that_fails_is_told_and_the_others_are_done() -> None:
    done = list[str]()
    with Counting() as threads:
        together = Together(threads, THREADS)
        first = asyncio.create_task(together.do(lambda: done.append("first")))
        failed = asyncio.create_task(together.do(failing))
        last = asyncio.create_task(together.do(lambda: done.append("last")))
        await asyncio.wait({first, failed, last})
        assert threads.tasks == THREADS
    assert done == ["first", "last"]
    assert isinstance(failed.exception(), OSError)
    assert first.exception() is last.exception() is None


async def test_one_that_is_not_waited_for_any_more_is_done_and_the_others_are_told() -> None:
    done = list[str]()
    with Counting() as threads:
        together = Together(threads, THREADS)
        gone = asyncio.create_task(together.do(lambda: done.append("gone")))
        staying = asyncio.create_task(together.do(lambda: done.append("staying")))
        await asyncio.sleep(0)  # both have asked
        gone.cancel()
        await staying
    assert sorted(done) == ["gone", "staying"]


async def test_where_the_threads_are_gone_everybody_is_told() -> None:
    threads = Counting()
    threads.shutdown()
    together = Together(threads, THREADS)
    told = await asyncio.gather(*(together.do(failing) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in told] == [RuntimeError] * 2


@given(st.floats(0, 1e7), st.floats(0, 60))
def test_a_stroke_is_never_late_and_hardly_early(now_seconds: float, wait_seconds: float) -> None:
    early_seconds = now_seconds + wait_seconds - stroke(now_seconds, wait_seconds)
    assert -1e-6 <= early_seconds <= min(0.1, 0.2 * wait_seconds) + 2e-6


def test_what_is_due_within_a_tenth_of_a_second_has_one_stroke() -> None:
    assert [stroke(100.11 + number / 1000, 0.9) for number in range(80)] == pytest.approx([101.0] * 80)
    assert stroke(100.21, 0.9) == pytest.approx(101.1)
