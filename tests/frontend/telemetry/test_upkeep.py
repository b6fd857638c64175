"""Work without an end: whatever ends it is told, and it goes on."""

import asyncio
import logging

import pytest

from frontend.telemetry.logs import Log
from frontend.telemetry.upkeep import kept_up


class Scripted:
    """Work that ends as it is told each time, and then has no end."""

    def __init__(self, *ends: BaseException | None) -> None:
        self._ends = list(ends)
        self.goes_on = asyncio.Event()

    async def __call__(self) -> None:
        if not self._ends:
            self.goes_on.set()
            await asyncio.Event().wait()
        if end := self._ends.pop(0):
            raise end


async def test_work_that_ends_however_it_does_is_told_and_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    work = Scripted(RuntimeError("a client's words"), None, asyncio.CancelledError(), ValueError())
    task = asyncio.create_task(kept_up("counting", work, Log("gateway"), pause_seconds=0))
    async with asyncio.timeout(10):
        await work.goes_on.wait()
    told = [(record.levelno, record.__dict__["facts"]["work"]) for record in caplog.records]
    assert told == [(level, "counting") for level in (logging.ERROR, logging.WARNING, logging.ERROR, logging.ERROR)]
    assert [record.__dict__["facts"].get("error") for record in caplog.records] == [
        *("RuntimeError", None, "CancelledError", "ValueError")
    ]
    assert "a client's words" not in str([record.__dict__ for record in caplog.records])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_is_over_when_it_is_cancelled() -> None:
    work = Scripted()
    task = asyncio.create_task(kept_up("counting", work, Log("gateway")))
    await work.goes_on.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=10)
    assert task.cancelled()
