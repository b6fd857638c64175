"""Python reads this at its start where the folder is on its path: the wall clock goes as far wrong as a file says."""

import mmap
import os
import struct
import time

_true = time.time

if path := os.environ.get("SHIFTED_CLOCK"):
    with open(path, "rb") as _file:
        _shift_seconds = mmap.mmap(_file.fileno(), 8, access=mmap.ACCESS_READ)
    vars(time)["time"] = lambda: _true() + struct.unpack("d", _shift_seconds)[0]
