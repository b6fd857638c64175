"""The work of connections when the gateway stops: who is late is cut, and what it leaves is put in order."""

import asyncio

import pytest

from frontend.connection.stays import Stays


class Late:
    """A connection that never ends by itself; what it leaves takes some turns of the event loop, or `forever`."""

    def __init__(self, forever: bool = False) -> None:
        self._forever = forever
        self.in_order = False
        self.let_go = asyncio.Event()

    async def stay(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            if self._forever:
                await self.let_go.wait()
            self.in_order = True


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, int]]:
    return [record.__dict__["facts"] for record in caplog.records if record.message == "connections were cut"]


async def test_what_a_late_connection_leaves_is_in_order_before_the_end(caplog: pytest.LogCaptureFixture) -> None:
    stays, late = Stays(), [Late() for _ in range(3)]
    for each in late:
        stays.keep(each.stay())
    await stays.end(linger_seconds=0.05)
    assert all(each.in_order for each in late)
    assert told(caplog) == [{"connections": 3, "unfinished": 0}]


async def test_who_takes_for_ever_is_waited_for_no_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    stays, late = Stays(), Late(forever=True)
    stays.keep(late.stay())
    await asyncio.wait_for(stays.end(linger_seconds=0.05), 5)
    assert told(caplog) == [{"connections": 1, "unfinished": 1}]
    late.let_go.set()


async def test_nothing_is_said_of_who_ends_in_time(caplog: pytest.LogCaptureFixture) -> None:
    stays, goodbye = Stays(), asyncio.Barrier(2)

    async def part() -> None:
        await goodbye.wait()

    for _ in range(2):
        stays.keep(part())
    await stays.end(linger_seconds=5)
    await stays.end(linger_seconds=5)
    assert not caplog.records


async def test_a_connection_that_fails_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise RuntimeError("a client's words")

    stays = Stays()
    stays.keep(fails())
    await stays.end(linger_seconds=5)
    assert [record.message for record in caplog.records] == ["a connection failed"]
    assert "words" not in str([record.__dict__ for record in caplog.records])
