"""Exports whose time is over: swept away, whatever state they are in, and nothing else."""

import os
from pathlib import Path

import pytest

from frontend.errors import NotFoundError
from frontend.recordings.record import RECORD, Record
from tests.frontend.exporting import ALL, CALLER, ID, OTHER_ID, begun, files_in, kept_in, wait_for


async def test_what_was_kept_for_its_time_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID, CALLER)).complete()
        await begun(exports, OTHER_ID, CALLER)
        await exports.sweep()
        assert len(await exports.records(ALL)) == 2
    async with kept_in(tmp_path, retention_hours=1e-9) as exports:
        await begun(exports, "e" * 32, CALLER)
        await exports.sweep()
        assert [each.export_id for each in await exports.records(ALL)] == ["e" * 32]


SPOILT = (b'{"started": "yesterday"}', b"null", Record(ID, None, 1.0, 2.0, state="complete").save(), b"\0" * 512)


@pytest.mark.parametrize("content", SPOILT)
async def test_a_record_of_a_wrong_kind_stops_neither_the_list_nor_the_sweep(tmp_path: Path, content: bytes) -> None:
    async with kept_in(tmp_path) as exports:
        for export_id in (ID, OTHER_ID):
            await (await begun(exports, export_id)).complete()

        async def kept() -> bool:
            return set(os.listdir(tmp_path / "kept")) == {ID, OTHER_ID}

        await wait_for(kept)
    (tmp_path / "kept" / OTHER_ID / RECORD).write_bytes(content)
    async with kept_in(tmp_path) as exports:
        assert [record.export_id for record in await exports.records(ALL)] == [ID]
        with pytest.raises(NotFoundError):
            await exports.find(OTHER_ID, ALL)
        await exports.sweep()
        assert await kept()
    async with kept_in(tmp_path, retention_hours=1e-9) as exports:
        await exports.sweep()

        async def gone() -> bool:  # the gateway's own sweep may be deleting it just now
            return files_in(tmp_path) == []

        await wait_for(gone)


async def test_a_folder_that_lacks_its_files_is_swept_away_when_its_time_is_over(tmp_path: Path) -> None:
    for name in (ID, OTHER_ID):
        (tmp_path / "open" / name).mkdir(parents=True)
    (tmp_path / "open" / OTHER_ID / RECORD).write_bytes(Record(OTHER_ID, None, 1.0).save())
    async with kept_in(tmp_path) as exports:
        await exports.sweep()
        assert len(os.listdir(tmp_path / "open")) == 2
    async with kept_in(tmp_path, retention_hours=1e-9) as exports:
        await exports.sweep()

        async def gone() -> bool:
            return os.listdir(tmp_path / "open") == []

        await wait_for(gone)
