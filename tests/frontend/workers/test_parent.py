"""Who sits where, and in which row, however many workers come and go at the same time."""

import asyncio
import dataclasses
import errno
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from frontend.config.settings import Exports, Server, Settings
from frontend.workers import listening, parent, seat
from frontend.workers.line import Line, Said, Word
from frontend.workers.listening import Address
from frontend.workers.parent import Parent

SETTINGS = dataclasses.replace(Settings(), exports=Exports(enabled=False))


class Process:
    """A worker as its parent sees it, whose process is this test."""

    started: list["Process"]
    refused = 0  # so many are not started

    def __init__(self, row: int) -> None:
        self.row, self.pid, self.figures = row, 1000 + len(self.started), b""
        self.line, its = Line.pair()
        self.its = Line(its)
        self.listening = asyncio.get_running_loop().create_future()
        self.leaving, self.gone = False, asyncio.Event()
        self._ended = asyncio.Event()
        self.heard: Callable[[Said], None] = lambda said: None
        self.started.append(self)

    @classmethod
    async def start(cls, arguments: list[str], row: int) -> "Process":
        await asyncio.sleep(0.01)  # others begin meanwhile
        if cls.refused:
            cls.refused -= 1
            raise OSError(errno.EAGAIN, "no process to be had")
        return cls(row)

    @property
    def serves(self) -> bool:
        return bool(self.listening.done() and self.listening.result() and not self.leaving)

    async def run(self, heard: Callable[[Said], None]) -> int:
        self.heard = heard
        await self._ended.wait()
        if not self.listening.done():
            self.listening.set_result(False)
        self.gone.set()
        return 0

    async def begins_to_serve(self) -> None:
        await asyncio.sleep(0)  # its parent listens
        self.listening.set_result(True)
        self.heard(Said(Word.LISTENING))

    def dismiss(self) -> None:
        self.leaving = True

    def kill(self) -> None:
        self._ended.set()


@pytest.fixture(autouse=True)
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Process.started, Process.refused = [], 0
    monkeypatch.setattr(parent, "WorkerProcess", Process)
    monkeypatch.setattr(listening, "addresses", lambda settings: [Address("voice", "127.0.0.1", 0, "VOICE")])
    monkeypatch.setattr(seat, "_FIRST_PAUSE_SECONDS", 0.02)
    yield
    for each in Process.started:
        each.line.close()
        each.its.close()


async def until(holds: Callable[[], object]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it does not come to that")


async def started(number: int) -> Process:
    """The one with this number, from 0."""
    await until(lambda: len(Process.started) > number)
    return Process.started[number]


@asynccontextmanager
async def serving(workers: int) -> AsyncIterator[Parent]:
    """All of them serve inside the block."""
    house = Parent(dataclasses.replace(SETTINGS, server=Server(workers=workers)), [])
    running = asyncio.create_task(house.run())
    for number in range(workers):
        await (await started(number)).begins_to_serve()
    yield house
    house._stopping.set()
    while not running.done():
        for each in Process.started:
            each.kill()
        await asyncio.sleep(0.005)
    assert await running == 0


def workers_of(house: Parent) -> list[list[Process]]:
    return [[cast(Process, worker) for worker in each.workers] for each in house._seats]


def rows(house: Parent) -> list[int]:
    return [worker.row for there in workers_of(house) for worker in there]


async def test_workers_that_start_at_the_same_time_have_rows_of_their_own() -> None:
    async with serving(8) as house:
        assert sorted(rows(house)) == list(range(8))
        for each in Process.started[2:6]:
            each.kill()
        await until(lambda: len(rows(house)) == 8 and len(Process.started) == 12)
        assert len(set(rows(house))) == 8
        assert len(house._free_rows) == 1


async def test_a_row_is_free_again_when_no_process_was_to_be_had() -> None:
    async with serving(2) as house:
        Process.refused = 3
        Process.started[1].kill()
        await until(lambda: len(rows(house)) == 2)
        assert len(house._free_rows) == 1


async def test_of_a_successor_and_an_old_one_that_both_end_one_follows() -> None:
    async with serving(2) as house:
        old, other = Process.started
        house._replacing.set()
        new = await started(2)
        await new.begins_to_serve()
        await until(lambda: old.leaving)
        new.kill()  # while the old one drains
        await new.gone.wait()
        old.kill()
        await until(lambda: len(Process.started) == 5)  # a follower, and one to replace the other
        for each in Process.started[3:]:
            await each.begins_to_serve()
        await until(lambda: other.leaving)
        other.kill()
        await asyncio.sleep(0.2)  # a second follower would come
        assert sorted(map(len, workers_of(house))) == [1, 1]
        assert len(Process.started) == 5


async def test_who_is_just_starting_is_replaced_too() -> None:
    async with serving(2) as house:
        first, second = Process.started
        second.kill()
        starting = await started(2)
        house._replacing.set()
        await (await started(3)).begins_to_serve()
        await until(lambda: first.leaving)
        first.kill()
        await first.gone.wait()
        await asyncio.sleep(0.1)  # it is its turn to be replaced
        await starting.begins_to_serve()  # with settings that it may have read before
        newest = await started(4)
        await newest.begins_to_serve()
        await until(lambda: starting.leaving)
        starting.kill()
        await until(lambda: workers_of(house)[1] == [newest])


async def test_who_asks_again_while_one_that_failed_still_ends_is_not_forgotten() -> None:
    async with serving(2) as house:
        before = list(Process.started)
        house._replacing.set()
        failing = await started(2)
        house._replacing.set()
        failing.listening.set_result(False)
        for place, old in enumerate(before):
            await replaced(house, place, old, await started(3 + place))


async def replaced(house: Parent, place: int, old: Process, new: Process) -> None:
    await new.begins_to_serve()
    await until(lambda: old.leaving)
    old.kill()
    await until(lambda: workers_of(house)[place] == [new])
