"""Disks that take no more: what was written stays whole, the stream is told, and the gateway starts nevertheless."""

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontend.errors import OverloadedError
from frontend.recordings.archive import Exports
from tests.frontend.exporting import (
    ALL,
    CALLER,
    ID,
    OTHER_ID,
    WORDS,
    begun,
    chunk,
    files_in,
    kept_in,
    options,
    samples,
    texts,
    wait_for,
)


@pytest.fixture
def small_files() -> Iterator[int]:
    """For a while no file of this process may grow beyond so many bytes."""
    size_bytes, before = 300_000, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    yield size_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a disk takes more rights")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


async def until_full(exports: Exports) -> int:
    """Push a stream until it is told that there is no room; how much went in."""
    export = await begun(exports, ID, CALLER)
    await export.final(WORDS, " one two")

    given: list[bytes] = []

    async def push() -> None:
        while True:
            given.append(chunk(len(given)))
            export.append(given[-1])
            await asyncio.sleep(0)

    with pytest.raises(OverloadedError, match="no more room"):
        await push()
    with pytest.raises(OverloadedError):
        await export.complete()
    await export.interrupt()
    return len(given)


async def whole_but_incomplete(exports: Exports) -> int:
    record = await exports.find(ID, ALL)
    assert record.state == "incomplete"
    audio = await samples(exports)
    count = len(audio) // len(chunk(0))
    assert audio == b"".join(map(chunk, range(count + 1)))[: len(audio)]
    assert await texts(exports) == [" one two"]
    return len(audio)


async def test_a_file_that_cannot_grow_ends_the_export_as_incomplete(tmp_path: Path, small_files: int) -> None:
    async with kept_in(tmp_path) as exports:
        assert await until_full(exports) * len(chunk(0)) >= small_files - 44
        assert await whole_but_incomplete(exports) >= small_files - 100


async def test_a_full_disk_ends_the_export_as_incomplete(small_disk: Path) -> None:
    async with kept_in(small_disk) as exports:
        assert await until_full(exports)
        await whole_but_incomplete(exports)
    async with kept_in(small_disk) as exports:
        size_bytes = await whole_but_incomplete(exports)
        assert size_bytes > 500_000
        await exports.delete(await exports.find(ID, ALL))
        again = await begun(exports, OTHER_ID, CALLER)
        again.append(bytes(500_000))
        await again.complete()


async def test_the_quota_refuses_the_next_and_ends_the_running(tmp_path: Path) -> None:
    async with kept_in(tmp_path, quota_bytes=400_000) as exports:
        await until_full(exports)
        assert await whole_but_incomplete(exports) <= 400_000
        assert exports._quota.used_bytes == sum(path.stat().st_size for path in files_in(tmp_path))
    async with kept_in(tmp_path, quota_bytes=1000) as exports:
        with pytest.raises(OverloadedError, match="try again later"):
            await begun(exports, OTHER_ID, CALLER)
        assert {each.export_id for each in await exports.records(ALL)} == {ID}  # nothing was deleted for it
        await exports.delete(await exports.find(ID, ALL))
        await begun(exports, OTHER_ID, CALLER)


async def test_a_stream_is_not_let_in_to_be_cut_off_at_once(tmp_path: Path) -> None:
    async with kept_in(tmp_path, quota_bytes=1_000_000) as exports:
        export = await begun(exports, ID, CALLER)
        export.append(bytes(890_000))
        await export.complete()
        export = await begun(exports, OTHER_ID, CALLER)
        export.append(bytes(20_000))
        await export.complete()
        with pytest.raises(OverloadedError, match="no more room for recordings"):
            await begun(exports, "e" * 32, CALLER)


async def test_a_disk_with_too_little_room_left_refuses_streams(tmp_path: Path) -> None:
    async with kept_in(tmp_path, min_free_bytes=1 << 60) as exports:
        with pytest.raises(OverloadedError, match="try again later"):
            await begun(exports, ID, CALLER)
        assert await exports.records(ALL) == []
    assert os.listdir(tmp_path / "open") == []
    assert options(tmp_path).min_free_bytes == 0


async def test_a_gateway_starts_though_a_full_disk_lets_it_finish_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "ftruncate", broken)
        async with kept_in(tmp_path) as exports:
            (await begun(exports, ID, CALLER)).append(chunk(7))
        async with kept_in(tmp_path) as exports:

            async def incomplete() -> bool:  # while it is tried again it is running for a moment
                return (await exports.find(ID, ALL)).state == "incomplete"

            async def ended() -> bool:
                await exports.sweep()
                return (await exports.find(ID, ALL)).ended is not None

            await wait_for(incomplete)
            assert await samples(exports) == chunk(7)
            full.undo()
            await wait_for(ended)
