import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.connection.audio_queue import Backlog, BacklogOptions
from frontend.errors import OverloadedError
from tests.frontend.fakes import budget

# A put of so many bytes, or a take.
steps = st.lists(st.one_of(st.integers(0, 3000), st.just("take")), max_size=60)


async def fill(backlog: Backlog) -> None:
    for _ in range(1000):
        await backlog.put(bytes(3200))


async def take_all(backlog: Backlog, count: int) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        messages += await backlog.take()
    return messages


@given(steps=steps, memory_bytes=st.sampled_from([0, 1000, 5000]))
def test_messages_come_out_whole_and_in_order_through_memory_and_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str], memory_bytes: int
) -> None:
    async def run() -> None:
        held, spooled = budget(), budget()
        backlog = Backlog(BacklogOptions(memory_bytes, tmp_path_factory.getbasetemp() / "spool"), held, spooled)
        put: list[bytes] = []
        got: list[bytes] = []
        for number, step in enumerate(steps):
            if isinstance(step, int):
                put.append(bytes([number]) * step)
                await backlog.put(put[-1])
            elif len(got) < len(put):
                got += await backlog.take()
        got += await take_all(backlog, len(put) - len(got))
        assert got == put
        await backlog.close()
        assert held.used_bytes == spooled.used_bytes == 0

    asyncio.run(run())


async def test_memory_stays_bounded_however_much_comes(tmp_path: Path) -> None:
    held, spooled = budget(), budget()
    backlog = Backlog(BacklogOptions(1 << 20, tmp_path), held, spooled)
    for _ in range(6000):  # ten minutes
        await backlog.put(bytes(3200))
        assert held.used_bytes < 2 << 20
    assert spooled.used_bytes > 15 << 20
    assert os.listdir(tmp_path) == [], "the spool has a name"
    assert await take_all(backlog, 6000) == [bytes(3200)] * 6000
    assert spooled.used_bytes == 0


async def test_a_full_disk_budget_is_an_overload_that_others_survive(tmp_path: Path) -> None:
    spooled = budget(1 << 20)
    greedy, modest = (Backlog(BacklogOptions(100_000, tmp_path), budget(), spooled) for _ in range(2))
    with pytest.raises(OverloadedError, match="full"):
        await fill(greedy)
    await greedy.close()
    await modest.put(bytes(3200))
    assert await modest.take() == [bytes(3200)]


async def test_a_disk_that_fails_is_an_overload(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the directory should be")
    backlog = Backlog(BacklogOptions(0, tmp_path / "file"), budget(), budget())
    with pytest.raises(OverloadedError, match="disk"):
        await backlog.put(bytes(3200))


async def test_take_waits_for_a_message(tmp_path: Path) -> None:
    backlog = Backlog(BacklogOptions(1000, tmp_path), budget(), budget())
    waiting = asyncio.create_task(backlog.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    await backlog.put(b"")
    assert await waiting == [b""], "an empty message is a message"


async def test_closing_waits_for_a_write_whose_reader_is_gone(tmp_path: Path) -> None:
    held, spooled = budget(), budget()
    backlog = Backlog(BacklogOptions(1000, tmp_path), held, spooled)
    reader = asyncio.create_task(backlog.put(bytes(50 << 20)))
    await asyncio.sleep(0)
    reader.cancel()
    await backlog.close()
    assert held.used_bytes == spooled.used_bytes == 0
    # Whoever opens a file now may get the descriptor that was closed: nothing may be written to it any more.
    with (tmp_path / "another").open("w+b") as another:
        await asyncio.to_thread(os.fsync, another.fileno())
        assert os.fstat(another.fileno()).st_size == 0


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
async def test_one_take_hands_out_a_bounded_number_however_small_they_are(tmp_path: Path, memory_bytes: int) -> None:
    backlog = Backlog(BacklogOptions(memory_bytes, tmp_path), budget(), budget())
    for _ in range(1000):
        await backlog.put(b"")
    assert len(await backlog.take()) == 64
    assert len(await take_all(backlog, 936)) == 936


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
async def test_small_pieces_of_audio_wait_together(tmp_path: Path, memory_bytes: int) -> None:
    """A client may push hours in frames of a few bytes; each message that waits costs more than those."""
    backlog = Backlog(BacklogOptions(memory_bytes, tmp_path), budget(), budget())
    pieces = [number.to_bytes(2, "big") * 10 for number in range(10_000)]
    for piece in pieces:
        await backlog.put(piece, apart=False)
    backlog.end()
    got: list[bytes] = []
    while taken := await backlog.take():
        got += taken
    assert b"".join(got) == b"".join(pieces)
    if memory_bytes:
        assert len(got) <= 200_000 / 4000 + 1
        assert max(map(len, got)) <= 4096
    await backlog.close()


async def test_an_end_says_once_and_for_all_whether_the_client_vanished(tmp_path: Path) -> None:
    vanished, done = (Backlog(BacklogOptions(1000, tmp_path), budget(), budget()) for _ in range(2))
    vanished.end(interrupted=True)
    vanished.end()
    done.end()
    done.end(interrupted=True)
    assert (vanished.interrupted, done.interrupted) == (True, False)
