"""The audio of an export that is still written, for whoever reads behind the writer. Used in threads."""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator


class Reading:
    """Opened when it is first needed. Closed by whoever comes last: a number that is closed while it is read from may
    be another client's file by then."""

    def __init__(self, opened: Callable[[], int]) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._file: int | None = None
        self._over = False

    def open(self) -> None:
        """The file may lose its name from now on."""
        with self._held():
            self._descriptor()

    def read(self, offset_bytes: int, size_bytes: int) -> bytes:
        with self._held():
            return os.pread(self._descriptor(), size_bytes, offset_bytes)

    def close(self) -> None:
        """Never waits."""
        self._over = True
        self._close_if_idle()

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        finally:
            if self._over:
                self._close_if_idle()

    def _close_if_idle(self) -> None:
        """Where it is not, whoever reads does it afterwards."""
        if self._lock.acquire(blocking=False):
            try:
                if self._file is not None:
                    os.close(self._file)
                    self._file = None
            finally:
                self._lock.release()

    def _descriptor(self) -> int:
        if self._over:
            raise OSError(errno.EBADF, "the export is over")
        if self._file is None:
            self._file = self._opened()
        return self._file
