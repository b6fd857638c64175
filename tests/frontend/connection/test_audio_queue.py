import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.connection.audio_queue import AudioQueue
from frontend.connection.spool import Spool
from frontend.dialogue.tasks import AudioReader, Tee
from frontend.errors import OverloadedError
from frontend.memory.budget import Budget, Lease
from tests.frontend.fakes import budget

# A put of so many bytes, or a take.
steps = st.lists(st.one_of(st.integers(0, 3000), st.just("take")), max_size=60)


def queue(directory: Path, memory_bytes: int, held: Budget | None = None, disk: Budget | None = None) -> AudioQueue:
    return AudioQueue(held or budget(), memory_bytes, Spool(directory, disk or budget()))


async def put(audio: AudioQueue, *messages: bytes, apart: bool = True) -> None:
    """As the session does: whoever finds it full waits for the disk."""
    for message in messages:
        audio.put(message, audio.lease(len(message)), apart)
        if audio.full:
            await audio.make_room()


async def take(audio: AudioQueue) -> Sequence[bytes]:
    """The next messages, as soon as there are some; none when there will be none."""
    while not (messages := audio.take()) and not audio.over:
        await audio.wait()
    return messages


async def take_all(audio: AudioQueue, count: int) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        messages += await take(audio)
    return messages


@given(steps=steps, memory_bytes=st.sampled_from([0, 1000, 5000]))
def test_messages_come_out_whole_and_in_order_through_memory_and_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int | str], memory_bytes: int
) -> None:
    async def run() -> None:
        held, disk = budget(), budget()
        audio = queue(tmp_path_factory.getbasetemp() / "spool", memory_bytes, held, disk)
        given: list[bytes] = []
        got: list[bytes] = []
        for number, step in enumerate(steps):
            if isinstance(step, int):
                given.append(bytes([number]) * step)
                await put(audio, given[-1])
            elif len(got) < len(given):
                got += await take(audio)
        got += await take_all(audio, len(given) - len(got))
        assert got == given
        await audio.close()
        assert held.used_bytes == disk.used_bytes == 0

    asyncio.run(run())


async def test_memory_stays_bounded_however_much_comes(tmp_path: Path) -> None:
    held, disk = budget(), budget()
    audio = queue(tmp_path, 1 << 20, held, disk)
    for _ in range(6000):  # ten minutes
        await put(audio, bytes(3200))
        assert held.used_bytes < 2 << 20
    assert disk.used_bytes > 15 << 20
    assert os.listdir(tmp_path) == [], "the spool has a name"
    assert await take_all(audio, 6000) == [bytes(3200)] * 6000
    assert disk.used_bytes == 0


async def test_a_full_disk_budget_is_an_overload_that_others_survive(tmp_path: Path) -> None:
    disk = budget(1 << 20)
    greedy, modest = (queue(tmp_path, 100_000, disk=disk) for _ in range(2))
    with pytest.raises(OverloadedError, match="full"):
        await put(greedy, *[bytes(3200)] * 1000)
    await greedy.close()
    await put(modest, bytes(3200))
    assert await take(modest) == [bytes(3200)]


async def test_a_disk_that_fails_is_an_overload(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where the directory should be")
    with pytest.raises(OverloadedError, match="disk"):
        await put(queue(tmp_path / "file", 0), bytes(3200))


async def test_audio_that_cannot_be_read_again_is_an_overload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    audio = queue(tmp_path, 0)
    await put(audio, bytes(3200))
    monkeypatch.setattr("frontend.connection.spool.os.pread", broken)
    with pytest.raises(OverloadedError, match="cannot be read"):
        await take(audio)
    await audio.close()


async def test_one_waits_for_a_message(tmp_path: Path) -> None:
    audio = queue(tmp_path, 1000)
    waiting = asyncio.create_task(take(audio))
    await asyncio.sleep(0)
    assert not waiting.done()
    await put(audio, b"")
    assert await waiting == [b""], "an empty message is a message"


async def test_closing_waits_for_a_write_whose_reader_is_gone(tmp_path: Path) -> None:
    held, disk = budget(), budget()
    audio = queue(tmp_path, 1000, held, disk)
    writer = asyncio.create_task(put(audio, bytes(50 << 20)))
    await asyncio.sleep(0)
    writer.cancel()
    await audio.close()
    assert held.used_bytes == disk.used_bytes == 0
    # Whoever opens a file now may get the descriptor that was closed: nothing may be written to it any more.
    with (tmp_path / "another").open("w+b") as another:
        await asyncio.to_thread(os.fsync, another.fileno())
        assert os.fstat(another.fileno()).st_size == 0


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
async def test_one_take_hands_out_a_bounded_number_however_small_they_are(tmp_path: Path, memory_bytes: int) -> None:
    audio = queue(tmp_path, memory_bytes)
    await put(audio, *[b""] * 1000)
    assert len(await take(audio)) == 64
    assert len(await take_all(audio, 936)) == 936


@pytest.mark.parametrize("memory_bytes", [0, 1 << 20])
async def test_small_pieces_of_audio_wait_together(tmp_path: Path, memory_bytes: int) -> None:
    """A client may push hours in frames of a few bytes; each message that waits costs more than those."""
    audio = queue(tmp_path, memory_bytes)
    pieces = [number.to_bytes(2, "big") * 10 for number in range(1_000)]
    await put(audio, *pieces, apart=False)
    audio.end()
    got: list[bytes] = []
    while taken := await take(audio):
        got += taken
    assert b"".join(got) == b"".join(pieces)
    if memory_bytes:
        assert len(got) <= 20_000 / 4000 + 1
        assert max(map(len, got)) <= 4096
    await audio.close()


async def test_an_end_says_once_and_for_all_whether_the_client_vanished(tmp_path: Path) -> None:
    vanished, done = (queue(tmp_path, 1000) for _ in range(2))
    vanished.end(interrupted=True)
    vanished.end()
    done.end()
    done.end(interrupted=True)
    assert (vanished.interrupted, done.interrupted) == (True, False)


class Reader(AudioReader):
    """Takes what it is handed, while it likes to."""

    def __init__(self, audio: AudioQueue, eager: bool = True) -> None:
        self.audio, self.eager = audio, eager
        self.handed: list[bytes] = []
        self.told = 0
        self.closed = False

    def receive(self, message: bytes, lease: Lease) -> bool:
        if self.eager:
            self.handed.append(message)
            lease.close()
        return self.eager

    def audio_waits(self) -> None:
        self.told += 1

    def close(self) -> None:
        self.closed = True


async def test_a_reader_is_handed_each_message_that_nothing_waits_before(tmp_path: Path) -> None:
    held = budget()
    audio = queue(tmp_path, 1000, held)
    reader = Reader(audio)
    audio.read_by(reader)
    await put(audio, b"one")
    assert (reader.handed, held.used_bytes) == ([b"one"], 0), "what the reader has is the reader's to hold"
    reader.eager = False
    await put(audio, b"two")
    reader.eager = True
    await put(audio, b"three")
    assert reader.handed == [b"one"], "the third would overtake the second"
    assert reader.told == 2
    assert await take_all(audio, 2) == [b"two", b"three"]
    await put(audio, b"four")
    assert reader.handed == [b"one", b"four"]
    await audio.close()
    assert reader.closed


class Recording(Tee):
    """A file in memory, that takes so many bytes."""

    def __init__(self, most_bytes: int = 1 << 30) -> None:
        self.most_bytes = most_bytes
        self.given = b""
        self.reads = 0

    def append(self, audio: bytes) -> bool:
        self.given += audio
        return False

    async def written(self) -> int:
        return min(len(self.given), self.most_bytes)

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        self.reads += 1
        return self.given[offset_bytes : offset_bytes + size_bytes]


@pytest.mark.parametrize("most_bytes", [1 << 30, 20_000])
async def test_what_is_recorded_waits_in_its_recording_and_nowhere_twice(tmp_path: Path, most_bytes: int) -> None:
    """Where the recording takes no more, the rest lies in the spool."""
    disk, recording = budget(), Recording(most_bytes)
    audio = queue(tmp_path, 1000, disk=disk)
    pieces = [bytes([number % 256]) * 3200 for number in range(30)]
    await put(audio, *pieces[:3], apart=False)
    await audio.record_with(recording)
    before_bytes = disk.used_bytes
    await put(audio, *pieces[3:], apart=False)
    audio.end()
    assert (disk.used_bytes > before_bytes) == (most_bytes < 1 << 30)
    got: list[bytes] = []
    while taken := await take(audio):
        got += taken
    assert b"".join(got) == recording.given == b"".join(pieces)
    assert recording.reads > 0
    await audio.close()
