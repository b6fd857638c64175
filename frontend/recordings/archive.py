"""All exports. Streams are written in `<directory>/open`. What is finished there goes into `kept` beside it, and stays
there or goes on into a bucket as soon as that takes it; until then it is read from where it is. Several processes may
keep exports in one directory: each draft is claimed by its writer, and one of them finishes what others left.
"""

import asyncio
import dataclasses
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from frontend.caller import Caller
from frontend.config import settings
from frontend.errors import GatewayError, NotFoundError, OverloadedError
from frontend.memory.budget import Budget, Lease
from frontend.memory.ledger import Tally
from frontend.recordings.claims import claimed_directory
from frontend.recordings.draft import Draft
from frontend.recordings.mover import Mover
from frontend.recordings.record import Access, Record, WavReader
from frontend.recordings.shelves import Shelves
from frontend.recordings.together import Together
from frontend.recordings.writer import Desk, Export
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics
from frontend.telemetry.upkeep import kept_up

_WRITING_THREADS = 4
_TAKEN_AT_ONCE = _WRITING_THREADS - 1  # the living go on writing
_READING_THREADS = 8
_SWEEP_SECONDS = 600.0
_MOVING_SECONDS = 0.1
# Half a minute of audio: with less room left a stream is refused rather than cut off.
_LEAST_BYTES = 1 << 20

_Result = TypeVar("_Result")


class Exports:
    """What live streams leave: begun, found, read, deleted, moved into its bucket, swept away when its time is over.

    `recover` or `join` comes first. `begin` opens what a stream writes into; once final it moves on by itself.
    Readers find a record by whose it is (Access) and ask for its parts. Files are touched in threads of its own.
    """

    def __init__(self, options: settings.Exports, metrics: Metrics, tally: Tally | None = None) -> None:
        self._options = options
        self._log = Log("exports")
        self._metrics, self._counted = metrics, metrics.exports
        tally = tally or Tally()
        self._quota = Budget(options.quota_bytes, "space for recordings", metrics.exports_bytes, tally)
        metrics.exports_bytes.set_function(lambda: tally.total)
        self._writing = ThreadPoolExecutor(_WRITING_THREADS, "exports-write")
        self._reading = ThreadPoolExecutor(_READING_THREADS, "exports-read")
        self._together = Together(self._writing, _WRITING_THREADS)
        self._shelves: Shelves
        self._running: dict[str, Export] = {}
        # Of finished exports, which never change.
        self._known: dict[str, Record] = {}
        self._lock: int | None = None
        self._inheriting = asyncio.Lock()
        self._stewardship: list[asyncio.Task[None]] = []

    async def recover(self, alone: bool = True) -> None:
        """Finish what a crash interrupted. Before anything else, by the first process where there are several."""
        await self._write(self._prepare, alone)
        await self._write(self._shelves.clean, True)
        self._quota.measured(await self._read(self._shelves.size_bytes))
        await self.inherit()

    async def join(self) -> None:
        """In place of recover, where another process has done that."""
        await self._write(self._prepare, False)

    async def inherit(self) -> None:
        """Finish what the processes left that have ended; from now on this one does what one does for all."""
        async with self._inheriting:
            left = list(await self._read(self._shelves.left))
            for start in range(0, len(left), _TAKEN_AT_ONCE):
                await asyncio.gather(*map(self._take_over, left[start : start + _TAKEN_AT_ONCE]))
        if not self._stewardship:
            sweeping = kept_up("sweeping exports", self._keep_sweeping, self._log, pause_seconds=60.0)
            self._stewardship.append(asyncio.get_running_loop().create_task(sweeping))
            if bucket := self._shelves.bucket:
                mover = Mover(self._shelves.kept, bucket, self._reading, self._metrics)
                moving = kept_up("moving exports", lambda: mover.run(self._quota.give_back), self._log)
                self._stewardship.append(asyncio.get_running_loop().create_task(moving))

    async def begin(self, export_id: str, caller: Caller, rate: int, lease: Lease) -> Export:
        """Keep a stream. OverloadedError when there is no room for it."""
        record = Record(export_id, caller.key_name, time.time(), rate=rate)
        try:
            self._quota.take(least_bytes := min(_LEAST_BYTES, self._options.quota_bytes // 10))
            self._quota.give_back(least_bytes)
            draft = await self._write(Draft.begin, self._shelves.open, record, self._options.min_free_bytes)
        except (OSError, OverloadedError) as e:
            reason = getattr(e, "strerror", None) or str(e)
            self._counted.labels("refused").inc()
            self._log.warning("export refused", connection=caller.connection_id, reason=reason)
            raise OverloadedError("the gateway has no more room for recordings, try again later") from e
        seconds = self._options.write_seconds
        desk = Desk(self._writing, self._together, self._quota, seconds, self._log, self._put_away, self._settled)
        export = self._running[export_id] = Export(record, draft, desk, lease)
        return export

    async def records(self, reach: Access) -> list[Record]:
        """The newest first."""
        records = (await self._all()).values()
        return sorted((each for each in records if each and reach.has(each)), key=lambda record: -record.started)

    async def find(self, export_id: str, reach: Access) -> Record:
        """NotFoundError also where somebody else's is found."""
        record = await self._record(export_id)
        if record is None or not reach.has(record):
            raise NotFoundError("there is no such export")
        return record

    async def transcript(self, record: Record) -> bytes:
        """Its finals, a line of JSON each."""
        return await self._read(self._shelves.ask, lambda store: store.transcript(record.export_id))

    async def audio(self, record: Record) -> WavReader:
        return await self._read(self._shelves.ask, lambda store: store.audio(record))

    async def read(self, reader: WavReader) -> bytes:
        return await self._read(reader.read)

    async def delete(self, record: Record) -> None:
        """A finished one, wherever it is."""
        await self._delete(record.export_id)

    async def sweep(self) -> None:
        """Delete what has been kept for its time, from its last write on where its record does not say."""
        await self.inherit()
        await self._write(self._shelves.clean, False)
        oldest = time.time() - self._options.retention_hours * 3600
        for export_id, record in (await self._all()).items():
            try:
                ended = record.ended if record else await self._read(self._shelves.changed, export_id)
                if ended is not None and ended < oldest:
                    await self._delete(export_id)
            except (OSError, GatewayError) as e:  # one that cannot be deleted is not in the others' way
                self._complain("an expired export is still there", export_id, e)

    async def close(self) -> None:
        """After the last stream; what is open still ends incomplete."""
        await asyncio.gather(*(export.abandon() for export in list(self._running.values())))
        for task in self._stewardship:
            task.cancel()
        await asyncio.gather(*self._stewardship, return_exceptions=True)
        if self._stewardship and self._shelves.bucket:
            self._shelves.bucket.close()
        for threads in (self._writing, self._reading):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _prepare(self, alone: bool) -> None:
        if alone:
            self._lock = claimed_directory(Path(self._options.directory))
        self._shelves = Shelves(self._options)

    async def _take_over(self, export_id: str) -> None:
        try:
            record = await self._write(self._shelves.finish, export_id)
        except BlockingIOError:  # its writer lives
            return
        except OSError as e:  # the next sweep tries again
            self._complain("export not recovered yet", export_id, e)
            return
        if record:
            self._counted.labels("recovered").inc()
            self._log.warning("export recovered", export=export_id, seconds=round(record.seconds, 1))

    def _put_away(self, export_id: str) -> None:
        try:
            self._shelves.put_away(export_id)
        except OSError as e:  # it is read from where it is until the next sweep
            self._complain("an export stays where it was written", export_id, e)

    async def _delete_here(self, export_id: str) -> int:
        while True:
            try:
                return await self._read(self._shelves.delete_here, export_id)
            except BlockingIOError:  # it is on its way into the bucket
                await asyncio.sleep(_MOVING_SECONDS)

    def _settled(self, record: Record, uncounted_bytes: int) -> None:
        """An export is final on the disk."""
        del self._running[record.export_id]
        self._counted.labels(record.state).inc()
        self._log.info("exported", export=record.export_id, state=record.state, seconds=round(record.seconds, 1))
        self._quota.note(uncounted_bytes)

    async def _all(self) -> dict[str, Record | None]:
        """What there is; without its record where that cannot be read."""
        ids = await self._read(self._shelves.ids)
        records = await asyncio.gather(*map(self._listed, ids))
        self._known = {each: record for each, record in self._known.items() if each in ids}
        return dict(zip(ids, records, strict=True))

    async def _delete(self, export_id: str) -> None:
        self._quota.give_back(await self._delete_here(export_id))
        if bucket := self._shelves.bucket:
            await self._read(bucket.delete, export_id)
        self._known.pop(export_id, None)
        self._log.info("export deleted", export=export_id)

    async def _listed(self, export_id: str) -> Record | None:
        try:
            return self._known.get(export_id) or await self._record(export_id)
        except (OSError, GatewayError) as e:
            self._complain("an export cannot be listed", export_id, e)
            return None

    def _complain(self, message: str, export_id: str, error: Exception) -> None:
        self._log.warning(message, export=export_id, reason=getattr(error, "strerror", None) or str(error))

    async def _record(self, export_id: str) -> Record | None:
        try:
            found: Record = await self._read(self._shelves.ask, lambda store: store.record(export_id))
        except NotFoundError:
            return None
        except ValueError:
            self._log.warning("an export's record cannot be read", export=export_id)
            return None
        if found.ended is not None:
            self._known[export_id] = found
            return found
        running = self._running.get(export_id)
        return dataclasses.replace(found, state=running.state) if running else found

    async def _read(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work, *arguments)

    async def _write(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._writing, work, *arguments)

    async def _keep_sweeping(self) -> None:
        pause_seconds = min(_SWEEP_SECONDS, self._options.retention_hours * 360)
        while True:
            try:
                await self.sweep()
            except Exception as e:  # a store that does not answer now will later
                self._log.exception("sweeping exports failed", e)
            await asyncio.sleep(pause_seconds)
