"""The writer of one export: whatever ends it, whoever waits for the export is told."""

import asyncio
import dataclasses
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontend.errors import OverloadedError
from frontend.recordings import writer
from frontend.recordings.draft import Draft
from frontend.recordings.record import Record, State
from frontend.recordings.writer import Export
from frontend.speech import RATE
from tests.frontend.exporting import ALL, CALLER, ID, OTHER_ID, WORDS, begun, chunk, kept_in, samples, texts
from tests.frontend.fakes import budget

_WAIT_SECONDS = 30  # for what would else never come


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def events_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("what", ["append", "finish"])
async def test_a_failure_nobody_expected_ends_the_export_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    def defective(*_: object) -> None:
        raise RuntimeError("what a client said")

    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID)
        with monkeypatch.context() as patch:
            patch.setattr(Draft, what, defective)
            export.append(chunk(1))
            with pytest.raises(OverloadedError):
                await export.complete()
        assert (await exports.find(ID, ALL)).state == "incomplete"
    failures = [record for record in caplog.records if record.getMessage() == "an export ends early"]
    assert [record.__dict__["facts"]["error"] for record in failures] == ["RuntimeError"]
    assert "what a client said" not in str([record.__dict__ for record in caplog.records])


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_stream_that_ends_while_its_recording_is_opened_to_be_read_on_leaves_no_file_open(
    failures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, finish, opening, go_on = Draft.reader, Draft.finish, threading.Event(), threading.Event()
    failing = [OSError(5, "Input/output error")] * failures

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def slowly(draft: Draft) -> int:
        opening.set()
        go_on.wait(30)
        return reader(draft)

    def at_last(draft: Draft, state: State) -> Record:
        if failing:
            raise failing.pop()
        return finish(draft, state)

    monkeypatch.setattr(writer, "_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(Draft, "append", full)
    monkeypatch.setattr(Draft, "finish", at_last)
    monkeypatch.setattr(Draft, "reader", slowly)
    async with kept_in(tmp_path) as exports:
        export = await begun(exports, ID)
        export.append(chunk(1))
        await asyncio.to_thread(opening.wait, 30)
        ending = asyncio.create_task(export.interrupt())
        await asyncio.sleep(0)
        go_on.set()
        await ending
        await export._writer
        assert export._reading._file is None


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOENT])
async def test_a_recording_that_cannot_be_opened_to_be_read_on_ends_as_others_do(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Draft, "append", failing(errno.ENOSPC))
    monkeypatch.setattr(Draft, "reader", failing(number))
    async with asyncio.timeout(_WAIT_SECONDS), kept_in(tmp_path) as exports:
        export = await begun(exports, ID)
        export.append(chunk(1))
        await export._writer
        with pytest.raises(OverloadedError):
            export.append(chunk(2))
        with pytest.raises(OSError, match=os.strerror(number)):
            await export.read(0, len(chunk(1)))
        assert await export.written() == 0
        await export.interrupt()
        assert (await exports.find(ID, ALL)).ended is not None
        assert exports._running == {}
    assert "an export cannot be read on" in events_in(caplog)


async def test_a_writer_that_fails_where_nobody_expected_it_is_told_and_holds_up_no_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def defective(*_: object) -> None:
        raise RuntimeError("what a client said")

    async with asyncio.timeout(_WAIT_SECONDS), kept_in(tmp_path) as exports:
        first, second = await begun(exports, ID), await begun(exports, OTHER_ID)
        for export in (first, second):
            export._desk = dataclasses.replace(export._desk, put_away=defective)
        first.append(chunk(1))
        with pytest.raises(OverloadedError):
            await first.complete()
        assert first._draft._audio == -1, "its files are closed"
    assert events_in(caplog).count("an export's writer failed") == 2
    assert "what a client said" not in str([record.__dict__ for record in caplog.records])


async def test_audio_after_the_end_is_not_kept_and_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, writing, go_on = Draft.append, threading.Event(), threading.Event()

    def slowly(draft: Draft, pcm: bytes, lines: bytes) -> None:
        writing.set()
        go_on.wait(_WAIT_SECONDS)
        append(draft, pcm, lines)

    monkeypatch.setattr(Draft, "append", slowly)
    held = budget()
    async with kept_in(tmp_path) as exports:
        export = await exports.begin(ID, CALLER, RATE, held.lease())
        export.append(chunk(1))
        ending = asyncio.create_task(export.interrupt())
        await asyncio.to_thread(writing.wait, _WAIT_SECONDS)
        assert export.append(bytes(4 << 20)) is False, "nobody has to wait for the disk"
        await export.final(WORDS, " one two")
        assert held.used_bytes == len(chunk(1))
        go_on.set()
        await ending
        assert export.append(chunk(2)) is False
        assert held.used_bytes == 0
        assert await export.written() == len(chunk(1)), "what came later lies elsewhere"
        assert (await samples(exports), await texts(exports)) == (chunk(1), [])


async def test_an_export_whose_writer_fails_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def defective(_: Export) -> None:
        raise RuntimeError

    monkeypatch.setattr(Export, "_flush", defective)
    held = budget()
    async with asyncio.timeout(_WAIT_SECONDS), kept_in(tmp_path) as exports:
        export = await exports.begin(ID, CALLER, RATE, held.lease())
        export.append(chunk(1))
        assert await export.written() == 0
        assert held.used_bytes == 0
