"""The way of exports into their store: whatever goes wrong on it, none is forgotten and the next one goes."""

import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from frontend.recordings.local import LocalStore
from frontend.recordings.mover import Saver
from frontend.telemetry.metrics import Metrics
from tests.frontend.exporting import ID, OTHER_ID, wait_for


class Defective(LocalStore):
    """Fails over the first export that it is given."""

    failed = ""

    def save(self, export_id: str, folder: Path) -> None:
        if not self.failed:
            self.failed = export_id
            raise RuntimeError("what a client said")
        super().save(export_id, folder)


@contextlib.asynccontextmanager
async def moving(directory: Path, store: LocalStore, *export_ids: str) -> AsyncIterator[None]:
    source = LocalStore(directory / "open")
    saver = Saver(source, store, threads := ThreadPoolExecutor(1), Metrics())
    saver.start(lambda _: None)
    for export_id in export_ids:
        source.folder(export_id).mkdir()
        saver.add(export_id)
    try:
        yield
    finally:
        await saver.stop()
        threads.shutdown()


async def test_a_failure_nobody_expected_stops_neither_the_export_nor_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Defective(tmp_path / "kept")
    async with moving(tmp_path, store, ID, OTHER_ID):

        async def all_moved() -> bool:
            return store.ids() == {ID, OTHER_ID}

        await wait_for(all_moved)
    (record,) = caplog.records
    assert record.__dict__["facts"].items() >= {"export": ID, "error": "RuntimeError"}.items()
    assert "what a client said" not in str(record.__dict__)
