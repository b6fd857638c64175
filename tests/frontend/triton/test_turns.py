import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from frontend.errors import DeadlineError
from frontend.triton.tensors import Row
from frontend.triton.turns import TurnOptions, Turns

GIVE_UP_SECONDS = 1000.0


class Model:
    """Doubles the number in each row, a turn at a time, when it is allowed to; it gives its permit back itself."""

    def __init__(self, most: int = 2) -> None:
        self.turns: list[list[int]] = []
        self.under_way = self.most_under_way = 0
        self.permits = asyncio.Semaphore(most)
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, rows: Sequence[Row]) -> Sequence[int]:
        numbers = [int(row.request_id) for row in rows]
        self.turns.append(numbers)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.open.wait()
        self.under_way -= 1
        self.permits.release()
        if -1 in numbers:
            raise ValueError("a bad turn")
        return [2 * number for number in numbers if number != -2]


class Asking:
    """Wants a number doubled, and has so many samples by the time it is asked; of -3 it cannot say what it is."""

    def __init__(self, number: int, samples: int = 1) -> None:
        self.number, self.samples, self.gone = number, samples, False
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def row(self) -> Row | None:
        if self.number == -3:
            raise ValueError("no row")
        return None if self.gone else Row(str(self.number), np.zeros(self.samples, np.int16))

    def answered(self, result: Any) -> None:
        self.told.set_result(result)

    def failed(self, error: Exception) -> None:
        self.told.set_exception(error)


def turns(model: Model, max_rows: int = 8, wait_seconds: float = 0.0, max_samples: int = 1 << 20) -> Turns:
    options = TurnOptions((1, 4, 16), max_rows, max_samples, wait_seconds, GIVE_UP_SECONDS)
    return Turns(model, model.permits, options, lambda rows, waited: None)


def ask(shared: Turns, *askers: Asking) -> list[Asking]:
    for asker in askers:
        shared.ask(asker)
    return list(askers)


async def results(askers: Sequence[Asking]) -> list[Any]:
    return await asyncio.gather(*(asker.told for asker in askers), return_exceptions=True)


async def test_what_is_asked_in_one_moment_shares_a_call_and_each_gets_its_own() -> None:
    model = Model()
    assert await results(ask(turns(model), *map(Asking, range(6)))) == [0, 2, 4, 6, 8, 10]
    assert model.turns == [[0, 1, 2, 3, 4, 5]]


async def test_a_full_turn_does_not_wait_for_more() -> None:
    model = Model()
    assert await results(ask(turns(model, max_rows=3, wait_seconds=60), *map(Asking, range(6)))) == [0, 2, 4, 6, 8, 10]
    assert model.turns == [[0, 1, 2], [3, 4, 5]]


async def test_who_has_waited_elsewhere_does_not_wait_again() -> None:
    """Whoever asks afterwards does."""
    model = Model()
    shared = turns(model, max_rows=4, wait_seconds=1e6)
    await results(ask(shared, *map(Asking, range(16))))
    ask(shared, Asking(1))
    await asyncio.sleep(0)
    hurried = ask(shared, Asking(2))
    shared.hurry()
    assert await results(hurried) == [4]
    assert model.turns[-1] == [1, 2]
    shared.hurry()  # nobody asks
    waiting = ask(shared, Asking(3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting[0].told.done()


async def test_whoever_asks_alone_does_not_wait() -> None:
    """However long a turn may wait where many ask."""
    async with asyncio.timeout(10):
        assert await results(ask(turns(Model(), wait_seconds=60), Asking(1))) == [2]


async def test_askers_gather_while_all_permitted_calls_are_under_way() -> None:
    model = Model()
    model.open.clear()
    shared, waiting = turns(model, max_rows=100), list[Asking]()
    for number in range(20):
        waiting += ask(shared, Asking(number))
        for _ in range(5):
            await asyncio.sleep(0)
    model.open.set()
    assert await results(waiting) == [2 * number for number in range(20)]
    assert model.most_under_way == 2
    assert len(model.turns) == 3, "what was asked while two calls were under way travels in one"


async def test_calls_of_all_lengths_share_the_permits() -> None:
    model = Model(most=2)
    model.open.clear()
    shared = turns(model)
    waiting = ask(shared, *(Asking(number, samples) for number, samples in enumerate((1, 4, 16, 100) * 5)))
    for _ in range(50):
        await asyncio.sleep(0)
    assert model.under_way == 2
    model.open.set()
    assert await results(waiting) == [2 * number for number in range(20)]


async def test_what_an_asker_wants_is_asked_only_when_its_turn_has_come() -> None:
    model = Model(most=1)
    model.open.clear()
    shared = turns(model)
    first = ask(shared, Asking(1))
    for _ in range(5):
        await asyncio.sleep(0)
    (second,) = ask(shared, Asking(2))
    second.number = 7
    model.open.set()
    assert await results([*first, second]) == [2, 14]


async def test_rows_are_not_padded_to_more_than_twice_what_they_hold() -> None:
    model = Model()
    lengths = [16, 1, 1, 15, 1, 14]
    askers = [Asking(number, samples) for number, samples in enumerate(lengths)]
    assert await results(ask(turns(model), *askers)) == [2 * number for number in range(6)]
    for turn in model.turns:
        held = [lengths[number] for number in turn]
        assert 16 * len(turn) <= 2 * sum(held) or max(held) == 1
    assert sorted(number for turn in model.turns for number in turn) == list(range(6))


async def test_a_turn_holds_no_more_samples_than_it_may() -> None:
    model = Model()
    askers = [Asking(number, 16) for number in range(5)]
    assert await results(ask(turns(model, max_samples=40), *askers)) == [2 * number for number in range(5)]
    assert model.turns == [[0, 1], [2, 3], [4]]


async def test_an_error_reaches_the_askers_of_its_turn_and_no_other() -> None:
    told = await results(ask(turns(Model(), max_rows=2), *map(Asking, (1, -1, 2, 3))))
    assert isinstance(told[0], ValueError)
    assert isinstance(told[1], ValueError)
    assert told[2:] == [4, 6]


async def test_an_asker_who_is_gone_is_not_sent_and_keeps_no_permit() -> None:
    model = Model(most=1)
    shared = turns(model)
    for _ in range(3):
        (leaving,) = ask(shared, Asking(1))
        leaving.gone = True
        await shared.drain()
    assert await results(ask(shared, Asking(2))) == [4]
    assert model.turns == [[2]]


async def test_an_asker_who_cannot_say_what_it_wants_fails_alone_and_keeps_no_permit() -> None:
    model = Model(most=1)
    shared = turns(model)
    async with asyncio.timeout(10):
        first, failed, last = await results(ask(shared, *map(Asking, (1, -3, 2))))
        assert (first, last) == (2, 4)
        assert isinstance(failed, ValueError)
        assert isinstance((await results(ask(shared, Asking(-3))))[0], ValueError)
        assert await results(ask(shared, Asking(4))) == [8]
    assert model.turns == [[1, 2], [4]]


async def test_who_waits_too_long_for_a_call_that_is_never_answered_is_told_and_the_others_wait_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, loop = Model(most=1), asyncio.get_running_loop()
    model.open.clear()
    shared = turns(model)
    first = ask(shared, Asking(1))
    for _ in range(5):
        await asyncio.sleep(0)
    long_ago = loop.time() - GIVE_UP_SECONDS + 0.05
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", lambda: long_ago)
        old = ask(shared, Asking(2), Asking(3))
    young = ask(shared, Asking(4))
    assert all(isinstance(told, DeadlineError) for told in await results(old))
    assert not young[0].told.done()
    model.open.set()
    assert await results([*first, *young]) == [2, 8]
    assert model.turns == [[1], [4]]


async def test_when_all_have_waited_too_long_nothing_is_called_and_the_next_one_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.frontend.triton.test_turns.GIVE_UP_SECONDS", 0.0)
    model = Model(most=1)
    shared = turns(model)
    await model.permits.acquire()
    assert isinstance((await results(ask(shared, Asking(1))))[0], DeadlineError)
    await shared.drain()
    model.permits.release()
    assert await results(ask(shared, Asking(2))) == [4]
    assert model.turns == [[2]]


async def test_drain_waits_for_everything() -> None:
    model = Model()
    model.open.clear()
    shared = turns(model)
    asked = ask(shared, Asking(1))
    draining = asyncio.create_task(shared.drain())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not draining.done()
    model.open.set()
    await draining
    assert await results(asked) == [2]


async def test_a_model_that_forgets_a_row_is_an_error_and_nobody_waits_for_ever() -> None:
    shared = turns(Model())
    told = await results(ask(shared, Asking(1), Asking(-2)))
    assert all(isinstance(result, ValueError) for result in told)
    assert await results(ask(shared, Asking(3))) == [6]
