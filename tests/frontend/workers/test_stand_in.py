"""Where nobody accepts the parent does, as long as somebody takes what it hands on."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest

from frontend.telemetry.logs import Log
from frontend.workers.line import Line, Said, Word
from frontend.workers.process import WorkerProcess
from frontend.workers.seat import Seat
from frontend.workers.stand_in import StandIn


class Serving:
    """A worker as it is handed connections, and its end of the line."""

    serves, leaving, pid = True, False, 7

    def __init__(self) -> None:
        self.line, its = Line.pair()
        self.its = Line(its)

    def close(self) -> None:
        self.line.close()
        self.its.close()

    async def is_handed(self) -> Said:
        while (said := await self.its.hear()) is not None:
            if said.what == Word.CONNECTION:
                return said
        raise AssertionError("the line is closed")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture
def workers() -> Iterator[list[Serving]]:
    """Two, of which the first has its hands full."""
    two = [Serving(), Serving()]
    fill(two[0].line)
    yield two
    for each in two:
        each.close()


def seats(listener: socket.socket, *workers: Serving) -> list[Seat]:
    there: list[Seat] = [Seat(1 + number, {}, [cast(WorkerProcess, each)]) for number, each in enumerate(workers)]
    return [Seat(0, {"voice": [listener]}), *there]


def fill(line: Line) -> None:
    """To the brim: what was handed on now would be lost."""
    with contextlib.suppress(BlockingIOError):
        while True:
            line.say(Said(Word.INHERIT))


async def connects(listener: socket.socket) -> Any:
    _, writer = await asyncio.open_connection(*listener.getsockname())
    return writer


async def test_who_has_more_in_hand_than_it_took_is_passed_over(
    listener: socket.socket, workers: list[Serving]
) -> None:
    busy, free = workers
    stand_in = StandIn(seats(listener, busy, free), Log("workers"))
    stand_in.arrange()
    writers = [await connects(listener) for _ in range(4)]
    for _ in writers:
        said = await asyncio.wait_for(free.is_handed(), 10)
        socket.socket(fileno=said.files[0]).close()
    stand_in.leave()
    for each in writers:
        each.close()


@contextlib.asynccontextmanager
async def resting(listener: socket.socket, busy: Serving) -> AsyncIterator[tuple[StandIn, Any]]:
    """The parent beside an only worker, and a client whom nobody has accepted."""
    stand_in = StandIn(seats(listener, busy), Log("workers"))
    stand_in.arrange()
    writer = await connects(listener)
    await asyncio.sleep(0.2)  # several times it is looked whether there is room
    yield stand_in, writer
    stand_in.leave()
    writer.close()


async def test_where_all_have_nobody_is_lost(listener: socket.socket, workers: list[Serving]) -> None:
    async with resting(listener, workers[0]) as (_, writer):
        said = await asyncio.wait_for(workers[0].is_handed(), 10)
        with socket.socket(fileno=said.files[0]) as connection:
            assert connection.getpeername() == writer.get_extra_info("sockname")


async def test_a_parent_that_left_does_not_come_back(listener: socket.socket, workers: list[Serving]) -> None:
    async with resting(listener, workers[0]) as (stand_in, _):
        stand_in.leave()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(workers[0].is_handed(), 0.3)
