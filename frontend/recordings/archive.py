"""All exports. Streams are written in `<directory>/open`. What is finished there goes into the store: at once where
that is the directory `kept` beside it, else as soon as the bucket takes it; until then it is read from where it is.
"""

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from frontend.caller import Caller
from frontend.config import settings
from frontend.errors import GatewayError, NotFoundError, OverloadedError, SettingsError
from frontend.memory.budget import Budget, Lease
from frontend.recordings.draft import Draft
from frontend.recordings.local import LocalStore, lock
from frontend.recordings.mover import Saver
from frontend.recordings.record import Reach, Record, Store, WavReader
from frontend.recordings.writer import Desk, Export
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.telemetry.upkeep import kept_up

_WRITING_THREADS = 4
_READING_THREADS = 8
_SWEEP_SECONDS = 600.0
# Half a minute of audio: with less room left a stream is refused rather than cut off.
_LEAST_BYTES = 1 << 20

_Result = TypeVar("_Result")


class Exports:
    """What live streams leave: begun, found, read, deleted, moved into its store, swept away when its time is over.

    `recover` comes first. `begin` opens what a stream writes into; once final it moves into the store by itself.
    Readers find a record by whose it is (Reach) and ask for its parts. Files are touched in threads of its own.
    """

    def __init__(self, options: settings.Exports, metrics: Metrics) -> None:
        self._options = options
        self._directory = Path(options.directory)
        self._log = Log("exports")
        self._counted = metrics.exports
        self._quota = Budget(options.quota_bytes, "space for recordings", metrics.exports_bytes)
        self._writing = ThreadPoolExecutor(_WRITING_THREADS, "exports-write")
        self._reading = ThreadPoolExecutor(_READING_THREADS, "exports-read")
        self._open: LocalStore
        self._store: Store
        self._saver: Saver
        self._running: dict[str, Export] = {}
        # Left by a crash, and the disk let nobody finish them yet.
        self._interrupted: set[str] = set()
        # Of finished exports, which never change.
        self._known: dict[str, Record] = {}
        self._metrics = metrics
        self._lock: int | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def recover(self) -> None:
        """Finish what a crash interrupted. Before anything else."""
        try:
            finished = await self._write(self._prepare)
        except BlockingIOError as e:
            raise SettingsError(f"another gateway uses {self._directory}: give each its own exports.directory") from e
        except OSError as e:
            raise SettingsError(f"exports.directory {self._directory} cannot be used: {e.strerror}") from e
        self._saver = Saver(self._open, self._store, self._reading, self._metrics)
        self._saver.start(self._quota.give_back)
        for export_id in finished:
            self._saver.add(export_id)
        await self._finish_interrupted()
        sweeping = kept_up("sweeping exports", self._keep_sweeping, self._log, pause_seconds=60.0)
        self._sweeper = asyncio.get_running_loop().create_task(sweeping)

    async def begin(self, export_id: str, caller: Caller, rate: int, lease: Lease) -> Export:
        """Keep a stream. OverloadedError when there is no room for it."""
        record = Record(export_id, caller.key_name, time.time(), rate=rate)
        try:
            self._quota.take(least_bytes := min(_LEAST_BYTES, self._options.quota_bytes // 10))
            self._quota.give_back(least_bytes)
            draft = await self._write(Draft.begin, self._open, record, self._options.min_free_bytes)
        except (OSError, OverloadedError) as e:
            reason = getattr(e, "strerror", None) or str(e)
            self._counted.labels("refused").inc()
            self._log.warning("export refused", connection=caller.connection_id, reason=reason)
            raise OverloadedError("the gateway has no more room for recordings, try again later") from e
        desk = Desk(self._writing, self._quota, self._options.write_seconds, self._log, self._settled)
        export = self._running[export_id] = Export(record, draft, desk, lease)
        return export

    async def records(self, reach: Reach) -> list[Record]:
        """The newest first."""
        records = (await self._all()).values()
        return sorted((each for each in records if each and reach.has(each)), key=lambda record: -record.started)

    async def find(self, export_id: str, reach: Reach) -> Record:
        """NotFoundError also where somebody else's is found."""
        record = await self._record(export_id)
        if record is None or not reach.has(record):
            raise NotFoundError("there is no such export")
        return record

    async def transcript(self, record: Record) -> bytes:
        """Its finals, a line of JSON each."""
        return await self._read(self._either, lambda store: store.transcript(record.export_id))

    async def audio(self, record: Record) -> WavReader:
        return await self._read(self._either, lambda store: store.audio(record))

    async def read(self, reader: WavReader) -> bytes:
        return await self._read(reader.read)

    async def delete(self, record: Record) -> None:
        """A finished one, wherever it is."""
        await self._delete(record.export_id)

    async def sweep(self) -> None:
        """Delete what has been kept for its time, from its last write on where its record does not say."""
        await self._finish_interrupted()
        oldest = time.time() - self._options.retention_hours * 3600
        for export_id, record in (await self._all()).items():
            try:
                ended = record.ended if record else await self._read(self._either, lambda s, i=export_id: s.changed(i))
                if ended is not None and ended < oldest:
                    await self._delete(export_id)
            except (OSError, GatewayError) as e:  # one that cannot be deleted is not in the others' way
                self._complain("an expired export is still there", export_id, e)

    async def close(self) -> None:
        """After the last stream; what is open still ends incomplete."""
        await asyncio.gather(*(export.abandon() for export in list(self._running.values())))
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, self._saver.stop(), return_exceptions=True)
            self._store.close()
        for threads in (self._writing, self._reading):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _prepare(self) -> list[str]:
        """What is there of an earlier run; the finished exports on their way to the store come back."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock = lock(self._directory)
        self._open = LocalStore(self._directory / "open")
        kept = LocalStore(self._directory / "kept")
        if self._options.store == "local":
            self._store = kept
        else:
            from frontend.recordings.s3 import BucketStore  # its library is loaded where it is used only

            self._store = BucketStore(self._options)
        for store in (self._open, kept):
            store.sweep()
        if self._store is not kept:  # since the settings were changed: these move too
            for export_id in kept.ids():
                self._open.save(export_id, kept.folder(export_id))
        open_ids = self._open.ids()
        self._interrupted = {each for each in open_ids if not self._open.is_finished(each)}
        self._quota.note(sum(store.size_bytes(each) for store in (self._open, kept) for each in store.ids()))
        return sorted(open_ids - self._interrupted)

    async def _finish_interrupted(self) -> None:
        for export_id in list(self._interrupted):
            try:
                record = await self._write(self._recovered, export_id)
            except OSError as e:
                self._complain("export not recovered yet", export_id, e)
                continue
            self._interrupted.discard(export_id)
            self._counted.labels("recovered").inc()
            self._log.warning("export recovered", export=export_id, seconds=round(record.seconds, 1))
            self._saver.add(export_id)

    def _recovered(self, export_id: str) -> Record:
        return Draft.interrupted(self._open, export_id).recover()

    def _settled(self, record: Record, uncounted_bytes: int) -> None:
        """An export is final on the disk."""
        del self._running[record.export_id]
        self._counted.labels(record.state).inc()
        self._log.info("exported", export=record.export_id, state=record.state, seconds=round(record.seconds, 1))
        self._quota.note(uncounted_bytes)
        self._saver.add(record.export_id)

    async def _all(self) -> dict[str, Record | None]:
        """What there is; without its record where that cannot be read."""
        ids = await self._read(self._open.ids)
        ids |= await self._read(self._store.ids)  # only now: what moves meanwhile is in one of them at least
        records = await asyncio.gather(*map(self._listed, ids))
        self._known = {each: record for each, record in self._known.items() if each in ids}
        return dict(zip(ids, records, strict=True))

    async def _delete(self, export_id: str) -> None:
        await self._saver.let_go(export_id)
        for store in (self._open, self._store):
            self._quota.give_back(await self._read(store.delete, export_id))
        self._known.pop(export_id, None)
        self._interrupted.discard(export_id)
        self._log.info("export deleted", export=export_id)

    async def _listed(self, export_id: str) -> Record | None:
        try:
            return await self._record(export_id)
        except (OSError, GatewayError) as e:
            self._complain("an export cannot be listed", export_id, e)
            return None

    def _complain(self, message: str, export_id: str, error: Exception) -> None:
        self._log.warning(message, export=export_id, reason=getattr(error, "strerror", None) or str(error))

    async def _record(self, export_id: str) -> Record | None:
        if record := self._known.get(export_id):
            return record
        try:
            found: Record = await self._read(self._either, lambda store: store.record(export_id))
        except NotFoundError:
            return None
        except ValueError:
            self._log.warning("an export's record cannot be read", export=export_id)
            return None
        if found.state != "running":
            self._known[export_id] = found
            return found
        running = self._running.get(export_id)
        return dataclasses.replace(found, state=running.state if running else "incomplete")

    def _either(self, ask: Callable[[Store], _Result]) -> _Result:
        """The answer of whichever has the export; it moves from one to the other, never back."""
        for store in (self._open, self._store):
            with contextlib.suppress(FileNotFoundError):
                return ask(store)
        raise NotFoundError("there is no such export")

    async def _read(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work, *arguments)

    async def _write(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._writing, work, *arguments)

    async def _keep_sweeping(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(min(_SWEEP_SECONDS, self._options.retention_hours * 360))
