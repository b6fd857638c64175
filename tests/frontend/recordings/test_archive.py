"""Exports while the gateway runs: written as they come, found by those who may, complete or said not to be."""

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from frontend.caller import Caller
from frontend.errors import NotFoundError, SettingsError
from frontend.recordings.record import Access, Record
from frontend.speech import RATE
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
    samples,
    texts,
    wait_for,
)
from tests.frontend.fakes import budget

ALICE, BOB = Caller("aaaaaaaa", "::1", "alice"), Caller("bbbbbbbb", "::1", "bob")


async def test_an_export_holds_exactly_what_came(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID, CALLER, 8000)
        for number in range(300):
            export.append(chunk(number))
        await export.final(WORDS, " one two")
        await export.complete()
        assert await samples(exports) == b"".join(map(chunk, range(300)))
        assert await texts(exports) == [" one two"]
        (record,) = await exports.records(ALL)
        assert (record.state, record.rate, record.seconds) == ("complete", 8000, 12.0)
        assert record.ended is not None
        assert time.time() - 60 < record.started <= record.ended <= time.time()


async def test_a_silent_stream_has_an_empty_transcript(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID, CALLER)).complete()
        assert await texts(exports) == []
        assert await samples(exports) == b""


async def test_a_running_stream_can_be_followed(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID, CALLER)
        export.append(chunk(1))
        await export.final(WORDS, " one two")

        async def written() -> bool:
            return await texts(exports) == [" one two"]

        await wait_for(written)
        assert await samples(exports) == chunk(1)
        assert (await exports.find(ID, ALL)).state == "running"


async def test_what_ends_without_its_end_is_incomplete_and_stays_so(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID, CALLER)
        export.append(chunk(1) + b"odd")
        await export.interrupt()
        await export.complete()
        assert (await exports.find(ID, ALL)).state == "incomplete"
        assert await samples(exports) == chunk(1) + b"od"


async def test_streams_that_the_gateways_end_cuts_off_are_found_at_the_next_start(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        (await begun(exports, ID, CALLER)).append(chunk(7))
    async with kept_in(tmp_path) as exports:
        assert (await exports.find(ID, ALL)).state == "incomplete"
        assert await samples(exports) == chunk(7)


async def test_a_cancelled_stream_loses_nothing_that_it_gave(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID, CALLER)

        many = asyncio.Event()

        async def push() -> None:
            for number in itertools.count():
                export.append(chunk(number))
                if number > 100:
                    many.set()
                await asyncio.sleep(0)

        task = asyncio.create_task(push())
        await many.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await export.complete()
        audio = await samples(exports)
        count = len(audio) // len(chunk(0))
        assert count > 100
        assert audio == b"".join(map(chunk, range(count)))


async def test_what_waits_for_the_disk_is_held_and_whoever_pushes_is_told_to_wait(tmp_path: Path) -> None:
    held = budget()
    async with kept_in(tmp_path) as exports:
        export = await exports.begin(ID, CALLER, RATE, held.lease())
        for number in range(40):
            assert export.append(bytes(1 << 20))
            assert held.used_bytes == 1 << 20
            assert await export.written() == number + 1 << 20
            assert held.used_bytes == 0
        await export.complete()
        assert (await exports.find(ID, ALL)).audio_bytes == 40 << 20


async def test_what_was_written_is_read_again_whatever_became_of_the_export(tmp_path: Path) -> None:
    async with kept_in(tmp_path, quota_bytes=5000) as exports:
        export = await begun(exports, ID)
        for number in range(5):
            export.append(chunk(number))
        assert await export.written() == 5 * len(chunk(0))
        assert await export.read(len(chunk(0)), len(chunk(0))) == chunk(1)
        export.append(bytes(5000))  # more than there is room for
        assert await export.written() == 5 * len(chunk(0))
        await wait_for(lambda: asyncio.sleep(0, export.state == "incomplete"))
        assert await export.read(0, len(chunk(0))) == chunk(0)
        await export.interrupt()


async def test_a_key_sees_its_own_exports_only(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID, ALICE)).complete()
        await (await begun(exports, OTHER_ID, BOB)).complete()
        assert [each.export_id for each in await exports.records(Access("alice"))] == [ID]
        assert [each.export_id for each in await exports.records(Access("bob"))] == [OTHER_ID]
        assert len(await exports.records(ALL)) == 2
        with pytest.raises(NotFoundError):
            await exports.find(ID, Access("bob"))


async def test_what_was_made_without_a_key_belongs_to_no_key(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID, CALLER)).complete()
        assert await exports.records(Access("alice")) == []
        assert await exports.records(Access(None)) == []


async def test_a_deleted_export_is_gone_from_list_and_disk(tmp_path: Path) -> None:
    async with kept_in(tmp_path) as exports:
        await (await begun(exports, ID, CALLER)).complete()
        await exports.delete(await exports.find(ID, ALL))
        assert await exports.records(ALL) == []
        with pytest.raises(NotFoundError):
            await exports.find(ID, ALL)
        assert files_in(tmp_path) == []


async def test_a_folder_that_lacks_its_files_stops_neither_the_start_nor_the_others(tmp_path: Path) -> None:
    (tmp_path / "open" / OTHER_ID).mkdir(parents=True)
    (tmp_path / "open" / OTHER_ID / "export.json").write_bytes(Record(OTHER_ID, None, 1.0).save())
    (tmp_path / "open" / ("e" * 32)).mkdir()
    async with kept_in(tmp_path) as exports:
        (await begun(exports, ID, CALLER)).append(chunk(1))
    async with kept_in(tmp_path) as exports:
        assert await samples(exports) == chunk(1)
        assert [record.export_id for record in await exports.records(ALL)] == [ID]


async def test_a_directory_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"exports\.directory"):
        async with kept_in(tmp_path / "file"):
            pass
