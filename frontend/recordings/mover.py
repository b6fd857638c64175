"""The way of finished exports into their bucket: one after another, repeated until the bucket takes them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from typing import TypeVar

from frontend.errors import GatewayError
from frontend.recordings.local import LocalStore
from frontend.recordings.record import Bucket
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics

_LOOK_SECONDS = 0.5
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0

_Result = TypeVar("_Result")


class Mover:
    """Takes what lies in the directory of finished exports, whichever process put it there."""

    def __init__(self, source: LocalStore, bucket: Bucket, threads: Executor, metrics: Metrics) -> None:
        self._source = source
        self._bucket = bucket
        self._threads = threads
        self._failures = metrics.exports_save_failures
        self._waiting = metrics.exports_waiting
        self._log = Log("exports")
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    async def run(self, freed: Callable[[int], None]) -> None:
        """`freed` is told how many bytes of the directory are no longer used."""
        while True:
            try:
                waiting = sorted(await self._in_thread(self._source.ids))
                self._waiting.set(len(waiting))
                for export_id in waiting:  # one that alone is at fault is not in the others' way
                    freed(await self._move(export_id))
            except Exception as e:  # nobody else would move them
                self._log.exception("exports could not be looked at", e)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _move(self, export_id: str) -> int:
        try:
            size_bytes = await self._in_thread(self._save, export_id)
        except BlockingIOError:  # somebody deletes it, or moves it for a moment still
            return 0
        except Exception as e:
            self._failures.inc()
            self._complain(export_id, e)
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
            return 0
        self._waiting.dec()
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        return size_bytes

    def _complain(self, export_id: str, error: Exception) -> None:
        if isinstance(error, OSError | GatewayError):
            reason = getattr(error, "strerror", None) or str(error)
            self._log.warning("an export waits for its store", export=export_id, reason=reason)
        else:
            self._log.exception("an export could not be moved", error, export=export_id)

    def _save(self, export_id: str) -> int:
        """It is claimed meanwhile, so that nobody else deletes or moves it; what is deleted stays away."""
        folder = self._source.folder(export_id)
        with ExitStack() as claims:
            try:
                claims.enter_context(self._source.claim(export_id))
            except FileNotFoundError:
                return 0
            if not folder.exists():
                return 0
            size_bytes = self._source.size_bytes(export_id)
            self._bucket.save(export_id, folder)
            return size_bytes

    async def _in_thread(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
