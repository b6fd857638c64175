"""Nobody takes more than there is, and one kind of work never all of it."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge

from frontend.errors import OverloadedError
from frontend.memory.budget import Budget, Share
from frontend.memory.ledger import Tally
from tests.frontend.fakes import budget as roomy


def test_what_does_not_fit_is_refused_and_takes_nothing() -> None:
    registry = CollectorRegistry()
    budget = Budget(100, "memory", Gauge("held", "held", registry=registry))
    budget.take(60)
    with pytest.raises(OverloadedError, match="memory is full"):
        budget.take(41)
    assert registry.get_sample_value("held") == 60
    budget.take(40)
    budget.give_back(100)
    assert registry.get_sample_value("held") == 0


def test_a_share_is_refused_before_it_shuts_others_out() -> None:
    budget = Budget(100, "memory", Gauge("held", "held", registry=CollectorRegistry()))
    files = Share(budget, 50, "files")
    files.take(50)
    with pytest.raises(OverloadedError, match="too many files"):
        files.take(1)
    assert budget.used_bytes == 50
    budget.take(50)
    files.give_back(50)
    files.take(50)


async def test_who_has_time_waits_until_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.memory.budget._PAUSE_SECONDS", 0.0)
    budget = roomy(100)
    others, lease = budget.lease(60), budget.lease(40)
    waiting = asyncio.create_task(lease.grow_in_time(60))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (waiting.done(), lease.size_bytes) == (False, 40)
    others.close()
    await waiting
    assert (lease.size_bytes, budget.used_bytes) == (100, 100)


def test_a_share_that_the_budget_refuses_has_taken_nothing() -> None:
    budget = Budget(100, "memory", Gauge("held", "held", registry=CollectorRegistry()))
    files = Share(budget, 50, "files")
    budget.take(80)
    with pytest.raises(OverloadedError, match="memory is full"):
        files.take(50)
    budget.give_back(80)
    files.take(50)
    assert budget.used_bytes == 50


def test_a_lease_holds_what_its_bytes_take_until_it_is_closed() -> None:
    budget = roomy(100)
    lease = budget.lease(40)
    lease.grow(30)
    lease.shrink(10)
    assert budget.used_bytes == lease.size_bytes == 60
    lease.close()
    lease.close()
    assert budget.used_bytes == lease.size_bytes == 0


def test_a_lease_that_may_not_grow_stays_as_it_was() -> None:
    budget = roomy(100)
    lease = budget.lease(60)
    with pytest.raises(OverloadedError):
        lease.grow(41)
    assert budget.used_bytes == lease.size_bytes == 60
    with pytest.raises(OverloadedError):
        budget.lease(41)
    assert budget.used_bytes == 60


def test_a_lease_takes_over_another_whatever_it_was_counted_in() -> None:
    budget = roomy(100)
    mine, same = budget.lease(10), budget.lease(20)
    files = Share(budget, 50, "files")
    other = files.lease(30)
    for each in (same, other):
        mine.absorb(each)
        each.close()
    assert budget.used_bytes == mine.size_bytes == 60
    mine.close()
    assert budget.used_bytes == 0
    files.take(50)  # of which nothing is held any more


@given(changes=st.lists(st.tuples(st.integers(0, 1), st.integers(-60, 60)), max_size=60))
def test_processes_that_tell_each_other_in_steps_pass_no_limit_and_lose_no_room(changes: list[tuple[int, int]]) -> None:
    amounts = memoryview(bytearray(16)).cast("q")
    both = [
        Budget(200, "memory", Gauge("held", "held", registry=CollectorRegistry()), Tally(amounts, row), step_bytes=20)
        for row in range(2)
    ]
    for number, change in changes:
        mine = both[number]
        if change < 0:
            mine.give_back(min(-change, mine.used_bytes))
        else:
            with contextlib.suppress(OverloadedError):
                mine.take(change)
        used = [each.used_bytes for each in both]
        assert sum(used) <= 200
        assert all(held <= told <= held + 40 for held, told in zip(used, amounts, strict=True))
