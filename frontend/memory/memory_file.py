"""Bytes of clients outside the heap, which nothing fragments and which processes hand to each other."""

import ctypes
import fcntl
import mmap
import os
import threading
from collections.abc import Iterator

import numpy as np

from frontend.errors import OverloadedError
from frontend.speech import Samples

_LARGE_BYTES = 1 << 20
_PUNCH_HOLE, _KEEP_SIZE = 2, 1  # of fallocate(2)


class MemoryFile:
    """Bytes outside the heap: they are gone when it is closed, whoever still refers to it."""

    def __init__(self) -> None:
        try:
            self.fd = os.memfd_create("media", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError as e:
            raise OverloadedError("the gateway has no room for another file, try again later") from e

    def append(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.fd, view) :]

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.fd).st_size

    def content(self) -> bytes:
        return os.pread(self.fd, self.size_bytes, 0)

    def pieces(self, size_bytes: int = 1 << 18) -> Iterator[bytes]:
        for offset in range(0, self.size_bytes, size_bytes):
            yield os.pread(self.fd, size_bytes, offset)

    def view(self) -> memoryview:
        """What it holds, without a copy. Nobody can shorten it from now on, which would be fatal to who reads it."""
        if not self.size_bytes:
            return memoryview(b"")
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        return memoryview(mmap.mmap(self.fd, self.size_bytes, access=mmap.ACCESS_READ))

    def samples(self) -> Samples:
        return np.frombuffer(self.view(), np.int16, self.size_bytes // 2)

    def close(self) -> None:
        """Give its memory back; whoever still looks at a large one sees nothing but zeros."""
        fd, self.fd = self.fd, -1
        size_bytes = os.fstat(fd).st_size if fd >= 0 else 0
        if size_bytes > _LARGE_BYTES:
            threading.Thread(target=_free, args=(fd, size_bytes)).start()
        elif fd >= 0:
            os.close(fd)


def _free(fd: int, size_bytes: int) -> None:
    """The system takes a while for it, and would else do it wherever the last view of the file goes."""
    punch = ctypes.CDLL(None).fallocate
    punch.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    punch(fd, _PUNCH_HOLE | _KEEP_SIZE, 0, size_bytes)
    os.close(fd)
