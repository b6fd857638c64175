"""The way of finished exports into the bucket: once each, whatever fails, and never what was deleted."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
import pytest

from frontend.recordings import mover
from frontend.recordings.archive import Exports
from frontend.recordings.local import LocalStore
from frontend.recordings.mover import Mover
from frontend.telemetry.metrics import Metrics
from tests.frontend.exporting import ALL, ID, OTHER_ID, files_in, wait_for
from tests.frontend.recordings.test_s3 import bucket, exported, gateway
from tests.s3_server import Bucket

__all__ = ("bucket",)
IDS = [f"{number:032x}" for number in range(12)]


class Defective(LocalStore):
    """Fails over the first export that it is given."""

    failed = ""

    def save(self, export_id: str, folder: Path) -> None:
        if not self.failed:
            self.failed = export_id
            raise RuntimeError("what a client said")
        super().save(export_id, folder)

    def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def moving(directory: Path, store: Defective, *export_ids: str) -> AsyncIterator[None]:
    source = LocalStore(directory / "kept")
    for export_id in export_ids:
        source.folder(export_id).mkdir()
    with ThreadPoolExecutor(1) as threads:
        task = asyncio.create_task(Mover(source, store, threads, Metrics()).run(lambda _: None))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_failure_nobody_expected_stops_neither_the_export_nor_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("_LOOK_SECONDS", "_FIRST_PAUSE_SECONDS"):
        monkeypatch.setattr(mover, pause, 0.02)
    store = Defective(tmp_path / "bucket")
    async with moving(tmp_path, store, ID, OTHER_ID):

        async def all_moved() -> bool:
            return store.ids() == {ID, OTHER_ID}

        await wait_for(all_moved)
    (record,) = caplog.records
    assert record.__dict__["facts"].items() >= {"export": ID, "error": "RuntimeError"}.items()
    assert "what a client said" not in str(record.__dict__)


async def test_two_processes_that_move_at_the_same_time_move_each_export_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a moment when one is replaced by another."""
    saved: Counter[str] = Counter()
    put = obstore.put

    def counting(store: Any, path: str, *more: Any, **named: Any) -> Any:
        saved[path] += 1
        return put(store, path, *more, **named)

    monkeypatch.setattr(obstore, "put", counting)
    with bucket.served():
        async with gateway(bucket) as first, gateway(bucket, beside=True) as second:
            await second.inherit()
            for number, export_id in enumerate(IDS):
                await exported((first, second)[number % 2], export_id)
            await wait_for(lambda: nothing_left(first, second, bucket))
            assert {record.export_id for record in await second.records(ALL)} == set(IDS)
    assert set(saved.values()) == {1}
    assert len(saved) == 3 * len(IDS)


async def nothing_left(first: Exports, second: Exports, bucket: Bucket) -> bool:
    gone = files_in(bucket.folder.parents[1] / "exports") == []
    return gone and first._quota.used_bytes + second._quota.used_bytes == 0


async def test_what_is_deleted_while_another_process_moves_it_does_not_come_back(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_go_on = threading.Event(), threading.Event()
    put = obstore.put

    def slow(store: Any, path: str, *more: Any, **named: Any) -> Any:
        began.set()
        assert may_go_on.wait(20)
        return put(store, path, *more, **named)

    monkeypatch.setattr(obstore, "put", slow)

    async def moves() -> bool:
        return began.is_set()

    with bucket.served():
        async with gateway(bucket) as mover, gateway(bucket, beside=True) as other:
            await exported(other)
            await wait_for(moves)
            deleting = asyncio.create_task(other.delete(await other.find(ID, ALL)))
            for _ in range(20):  # it has had its chance
                await other.records(ALL)
            assert not deleting.done(), "it was deleted while it was being moved"
            may_go_on.set()
            await deleting
            await wait_for(lambda: nothing_left(mover, other, bucket))
            assert await mover.records(ALL) == []
    assert bucket.files() == set()
