"""What is freed stays with the process for a while: buffers that come and go cost no page faults.

glibc maps each larger buffer anew and gives its end of the heap back as soon as little of it is in use. The kernel then
clears the same pages for every call to Triton, which takes longer than the call.
"""

import ctypes

# Of mallopt(3): from which size on a buffer is mapped for itself, how much may lie free at the end of the heap before
# it goes back, and by how much more than asked for it grows.
_SETTINGS = {-3: 1 << 20, -1: 16 << 20, -2: 1 << 20}


def keep_what_is_freed() -> None:
    """In this process, from now on; nothing happens where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, size_bytes in _SETTINGS.items():
            mallopt(setting, size_bytes)
