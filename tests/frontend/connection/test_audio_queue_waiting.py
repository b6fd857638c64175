"""Whoever waits for audio while the disk is in use, or memory full."""

import asyncio
from pathlib import Path

import pytest

from frontend.connection.audio_queue import AudioQueue
from frontend.connection.spool import Spool
from frontend.errors import OverloadedError
from tests.frontend.fakes import budget

PIECE = bytes(3200)


class Slow(Spool):
    """Takes its time to forget what was read."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, budget())
        self.clearing, self.go_on = asyncio.Event(), asyncio.Event()

    async def clear(self) -> None:
        self.clearing.set()
        await self.go_on.wait()
        await super().clear()


async def test_what_came_behind_the_disk_is_waited_for_while_the_disk_is_in_use(tmp_path: Path) -> None:
    """Else whoever takes it would come again at once, and the event loop would never learn that the disk is done."""
    spool = Slow(tmp_path)
    audio = AudioQueue(budget(), 1000, spool)
    audio.put(b"one" + PIECE, audio.lease(3203))
    await audio.make_room()
    assert audio.take() == []
    await spool.clearing.wait()
    audio.put(b"two", audio.lease(3))
    assert audio.take() == [b"one" + PIECE]
    audio.put(b"three", audio.lease(5))
    assert audio.take() == []
    waiting = asyncio.create_task(audio.wait())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done(), "there is nothing to take yet"
    spool.go_on.set()
    await waiting
    assert audio.take() == [b"two", b"three"]
    await audio.close()


class Failing(Spool):
    """A disk that takes its time to say that it takes no more."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, budget())
        self.go_on = asyncio.Event()

    async def append(self, data: bytes) -> int:
        await self.go_on.wait()
        raise OverloadedError("the disk is full")


async def test_whoever_waits_learns_that_nothing_will_come_when_the_disk_takes_no_more(tmp_path: Path) -> None:
    spool = Failing(tmp_path)
    audio = AudioQueue(budget(), 0, spool)
    audio.put(PIECE, audio.lease(len(PIECE)))
    writing = asyncio.create_task(audio.make_room())
    audio.end()
    await asyncio.sleep(0)
    waiting = asyncio.create_task(audio.wait())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    spool.go_on.set()
    with pytest.raises(OverloadedError):
        await writing
    for _ in range(10):
        await asyncio.sleep(0)
    assert waiting.done()
    assert audio.over
    await audio.close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.memory.budget._PAUSE_SECONDS", 0.0)


async def test_what_lies_on_the_disk_waits_there_until_memory_has_room(tmp_path: Path) -> None:
    held = budget(10_000)
    audio = AudioQueue(held, 0, Spool(tmp_path, budget()))
    pieces = [bytes([number]) * 3200 for number in range(10)]
    for piece in pieces:
        audio.put(piece, audio.lease(len(piece)))
        await audio.make_room()
    audio.end()
    others = held.lease(10_000)
    assert audio.take() == []
    waiting = asyncio.create_task(audio.wait())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    others.close()
    await waiting
    got: list[bytes] = []
    while not audio.over:
        got += audio.take()
        await audio.wait()
    assert got == pieces
    await audio.close()
    assert held.used_bytes == 0


async def test_it_does_not_wait_there_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.memory.budget._LOOKS", 3)
    held = budget(10_000)
    audio = AudioQueue(held, 0, Spool(tmp_path, budget()))
    audio.put(PIECE, audio.lease(len(PIECE)))
    await audio.make_room()
    others = held.lease(10_000)
    await audio.wait()
    with pytest.raises(OverloadedError, match="memory is full"):
        audio.take()
    others.close()
    await audio.close()
    assert held.used_bytes == 0
