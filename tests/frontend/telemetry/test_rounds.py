"""Work that is done once for all who ask at the same time, and not too often."""

import asyncio

import pytest

from frontend.telemetry.rounds import Rounds


class Work:
    def __init__(self) -> None:
        self.begun, self.beginnings = 0, asyncio.Semaphore(0)
        self.at_once = self.most_at_once = 0
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> int:
        self.begun += 1
        self.beginnings.release()
        number = self.begun
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.may_end.wait()
        self.at_once -= 1
        return number


async def test_all_who_ask_at_the_same_time_share_a_round() -> None:
    work = Work()
    rounds = Rounds(work, 0.0)
    assert await asyncio.gather(*(rounds.join() for _ in range(50))) == [1] * 50
    assert await rounds.join() == 2


async def test_who_asks_during_a_round_gets_the_next_which_waits_for_its_end() -> None:
    work = Work()
    work.may_end.clear()
    rounds = Rounds(work, 0.0)
    first = asyncio.create_task(rounds.join())
    await work.beginnings.acquire()
    later = [asyncio.create_task(rounds.join()) for _ in range(3)]
    await asyncio.sleep(0)
    work.may_end.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2, 2, 2]
    assert work.most_at_once == 1


async def test_rounds_begin_a_while_apart() -> None:
    work, loop = Work(), asyncio.get_running_loop()
    rounds = Rounds(work, 0.1)
    began = loop.time()
    assert [await rounds.join() for _ in range(4)] == [1, 2, 3, 4]
    assert loop.time() - began >= 0.3


async def test_one_that_goes_away_leaves_the_round_to_the_others() -> None:
    work = Work()
    work.may_end.clear()
    rounds = Rounds(work, 0.0)
    impatient, patient = (asyncio.create_task(rounds.join()) for _ in range(2))
    await work.beginnings.acquire()
    impatient.cancel()
    work.may_end.set()
    assert await patient == 1
    assert impatient.cancelled()


async def test_a_round_that_fails_fails_for_who_asked_for_it() -> None:
    answers = iter([ValueError("once"), None])

    async def work() -> None:
        if error := next(answers):
            raise error

    rounds = Rounds(work, 0.0)
    with pytest.raises(ValueError, match="once"):
        await rounds.join()
    await rounds.join()
