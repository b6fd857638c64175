"""Exports of several processes in one directory: each sees all, and what a killed one left is finished by another."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontend.errors import OverloadedError
from frontend.memory.ledger import Ledger
from frontend.recordings.archive import Exports
from frontend.telemetry.metrics import Metrics
from tests.frontend.exporting import ALL, ID, OTHER_ID, WORDS, begun, chunk, files_in, kept_in, options, samples, texts
from tests.triton_server import ROOT


@contextlib.asynccontextmanager
async def sharing(directory: Path, ledger: Ledger) -> AsyncIterator[Exports]:
    """Beside others whose numbers stand in the same ledger."""
    exports = Exports(options(directory, quota_bytes=1_000_000), Metrics(), ledger.tally("exports"))
    await exports.join()
    try:
        yield exports
    finally:
        await exports.close()


async def states(exports: Exports) -> dict[str, str]:
    return {record.export_id: record.state for record in await exports.records(ALL)}


async def test_each_process_sees_the_exports_of_all(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as first, kept_in(tmp_path, beside=True) as second:
        running, done = await begun(second, ID), await begun(first, OTHER_ID)
        running.append(chunk(1))
        await done.complete()
        for exports in (first, second):
            assert await states(exports) == {ID: "running", OTHER_ID: "complete"}
            assert (await exports.find(ID, ALL)).ended is None
        await running.final(WORDS, " one two")
        await running.complete()
        assert await texts(first) == [" one two"]
        assert await samples(first) == chunk(1)


async def test_what_others_write_is_left_to_them(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as first, kept_in(tmp_path, beside=True) as second:
        export = await begun(second, ID)
        export.append(chunk(1))
        await first.inherit()
        await first.sweep()
        export.append(chunk(2))
        await export.complete()
        assert await states(first) == {ID: "complete"}
        assert await samples(first) == chunk(1) + chunk(2)


async def test_what_a_killed_process_left_is_finished_by_the_one_that_is_told(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as living, kept_in(tmp_path, beside=True) as other:
        mine = await begun(other, OTHER_ID)
        command = [sys.executable, "-m", "tests.frontend.exporting", str(tmp_path), ID, "beside"]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
        assert process.stdout
        for _ in range(120):
            assert await process.stdout.readline()
        assert await states(living) == {ID: "running", OTHER_ID: "running"}
        process.kill()
        await process.wait()
        # Nobody has to be told that it is dead, only to finish it.
        assert await states(living) == {ID: "incomplete", OTHER_ID: "running"}
        assert (await living.find(ID, ALL)).ended is None
        await living.inherit()
        record = await other.find(ID, ALL)
        assert (record.state, record.ended is None) == ("incomplete", False)
        audio = await samples(other)
        assert audio == b"".join(map(chunk, range(len(audio) // len(chunk(0)))))
        assert len(audio) >= 50 * len(chunk(0))
        await mine.complete()
        assert await states(living) == {ID: "incomplete", OTHER_ID: "complete"}


async def test_what_was_finished_but_not_put_away_is_put_away(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID)).complete()
        (tmp_path / "kept" / ID).rename(tmp_path / "open" / ID)
        assert await states(exports) == {ID: "complete"}
        await exports.inherit()
        assert (tmp_path / "kept" / ID).is_dir()
        assert await states(exports) == {ID: "complete"}


async def test_one_that_deleted_an_export_has_deleted_it_for_all(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as first, kept_in(tmp_path, beside=True) as second:
        await (await begun(first, ID)).complete()
        assert await states(first) == await states(second) == {ID: "complete"}
        await second.delete(await second.find(ID, ALL))
        assert await states(first) == {}
        assert files_in(tmp_path) == []


async def test_the_quota_is_one_for_all_and_stays_right_when_a_process_ends(tmp_path: Path) -> None:
    parent = Ledger(3, 2)
    ledgers = [Ledger(3, row, parent.file) for row in (0, 1)]
    async with sharing(tmp_path, ledgers[0]) as first:
        async with sharing(tmp_path, ledgers[1]) as second:
            export = await begun(second, ID)
            export.append(bytes(600_000))
            await export.complete()
        parent.take_over(1)
        export = await begun(first, OTHER_ID)
        export.append(bytes(500_000))
        with pytest.raises(OverloadedError, match="no more room"):
            await export.complete()
        assert parent.tally("exports").total == sum(path.stat().st_size for path in files_in(tmp_path)) > 600_000
        assert first._metrics.value("gateway_exports_bytes") == parent.tally("exports").total
        await first.delete(await first.find(ID, ALL))
        export = await begun(first, "e" * 32)
        export.append(bytes(500_000))
        await export.complete()


async def test_what_others_begin_or_delete_at_the_moment_is_not_swept_away(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        (tmp_path / "open" / f".new-{ID}").mkdir()
        (tmp_path / "kept" / f".gone-{ID}").mkdir()
        await exports.sweep()
        assert (tmp_path / "open" / f".new-{ID}").is_dir()
        assert (tmp_path / "kept" / f".gone-{ID}").is_dir()
    async with kept_in(tmp_path):
        assert not (tmp_path / "open" / f".new-{ID}").exists()
