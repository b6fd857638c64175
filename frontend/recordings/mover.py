"""The way of finished exports into their store: one after another, repeated until the store takes them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from frontend.errors import GatewayError
from frontend.recordings.local import LocalStore
from frontend.recordings.record import Store
from frontend.telemetry.logs import Log
from frontend.telemetry.metrics import Metrics

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class Saver:
    """Takes from the directory of open exports; what waits when the gateway stops is found there at the next start."""

    def __init__(self, source: LocalStore, store: Store, threads: Executor, metrics: Metrics) -> None:
        self._source = source
        self._store = store
        self._threads = threads
        self._failures = metrics.exports_save_failures
        self._waiting_gauge = metrics.exports_waiting
        self._log = Log("exports")
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._at: str | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self, freed: Callable[[int], None]) -> None:
        """`freed` is told how many bytes of the directory are no longer used."""
        self._task = asyncio.get_running_loop().create_task(self._run(freed))

    def add(self, export_id: str) -> None:
        self._waiting.put_nowait(export_id)
        self._waiting_gauge.inc()

    async def let_go(self, export_id: str) -> None:
        """Returns when it is not being moved; from then on what is deleted stays away."""
        if self._at == export_id:
            async with self._turn:
                pass

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, freed: Callable[[int], None]) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            export_id = await self._waiting.get()
            try:
                async with self._turn:
                    freed(await self._save(export_id))
                self._waiting_gauge.dec()
                pause_seconds = _FIRST_PAUSE_SECONDS
            except Exception as e:
                # Last in the line again: if it alone is at fault, the others go on.
                self._waiting.put_nowait(export_id)
                self._failures.inc()
                self._complain(export_id, e)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    def _complain(self, export_id: str, error: Exception) -> None:
        if isinstance(error, OSError | GatewayError):
            reason = getattr(error, "strerror", None) or str(error)
            self._log.warning("an export waits for its store", export=export_id, reason=reason)
        else:
            self._log.exception("an export could not be moved", error, export=export_id)

    async def _save(self, export_id: str) -> int:
        self._at = export_id
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._move, export_id)
        finally:
            self._at = None

    def _move(self, export_id: str) -> int:
        folder = self._source.folder(export_id)
        if not folder.exists():  # deleted while it waited
            return 0
        size_bytes = self._source.size_bytes(export_id)
        self._store.save(export_id, folder)
        return 0 if self._store.is_local else size_bytes
