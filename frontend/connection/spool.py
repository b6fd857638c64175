"""Where audio waits that memory is too small for: a file without a name, gone with its stream or its process."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from frontend.errors import OverloadedError, SettingsError
from frontend.memory.budget import Budget

_Result = TypeVar("_Result")


def require_usable(directory: Path) -> None:
    """At start-up, rather than with the first audio that waits there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as e:
        raise SettingsError(f"limits.spool_directory {directory} cannot be used: {e.strerror}") from e


class Spool:
    """One stream's. It is made at the first write, and begins anew when everything was read."""

    def __init__(self, directory: Path, disk: Budget) -> None:
        self._directory = directory
        self._lease = disk.lease()
        self._file: int | None = None
        self._on_disk: asyncio.Future[Any] | None = None

    async def append(self, data: bytes) -> int:
        """Where in the file it lies; OverloadedError when neither the disk nor its budget takes more."""
        offset_bytes = self._lease.size_bytes
        self._lease.grow(len(data))
        try:
            await self._in_thread(lambda: self._write(data, offset_bytes))
        except OSError as e:
            raise OverloadedError("the gateway's disk takes no more audio, try again later") from e
        return offset_bytes

    async def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        assert self._file is not None
        file = self._file
        return await self._in_thread(lambda: os.pread(file, size_bytes, offset_bytes))

    async def clear(self) -> None:
        """Everything was read."""
        if self._file is not None:
            file = self._file
            await self._in_thread(lambda: os.ftruncate(file, 0))
        self._lease.close()

    async def close(self) -> None:
        if self._on_disk is not None:
            # Whoever waited may have been cancelled; the thread still uses the file.
            await asyncio.wait({self._on_disk})
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._lease.close()

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        doing = asyncio.get_running_loop().run_in_executor(None, work)
        self._on_disk = doing
        return await asyncio.shield(doing)

    def _write(self, data: bytes, offset_bytes: int) -> None:
        if self._file is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file, name = tempfile.mkstemp(dir=self._directory)
            os.unlink(name)
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, offset_bytes)
            view, offset_bytes = view[written:], offset_bytes + written
