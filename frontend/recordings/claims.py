"""Who writes an export: its files are claimed by an open file, and the system lets go of the claim when that is closed.

So a writer that was killed claims nothing any more, at once and whoever looks, and its export can be finished by
another. A claim belongs to the opened file (fcntl(2), "open file description locks"), not to the process: it holds
against other openings in the same process too, and is not a child's.
"""

import fcntl
import os
import struct
from pathlib import Path

from frontend.errors import SettingsError

_FLOCK = "hhqqi4x"  # struct flock of <fcntl.h> with 64-bit offsets: type, whence, start, length (0: all), pid
_WHOLE_FILE = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def claim(number: int) -> None:
    """Of a file that is open for writing; BlockingIOError when another has it."""
    fcntl.fcntl(number, fcntl.F_OFD_SETLK, _WHOLE_FILE)


def is_claimed(path: Path) -> bool:
    number = os.open(path, os.O_RDONLY)
    try:
        found = fcntl.fcntl(number, fcntl.F_OFD_GETLK, _WHOLE_FILE)
    finally:
        os.close(number)
    kind: int = struct.unpack(_FLOCK, found)[0]
    return kind != fcntl.F_UNLCK


def claimed(path: Path) -> int:
    """The file opened and claimed, until the number that comes back is closed. BlockingIOError as above."""
    number = os.open(path, os.O_RDWR)
    try:
        claim(number)
    except OSError:
        os.close(number)
        raise
    return number


def claimed_directory(directory: Path) -> int:
    """Made where it is missing, and one gateway's until the number is closed; SettingsError where that cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = directory / ".lock"
        lock.touch(0o600)
        return claimed(lock)
    except BlockingIOError as e:
        raise SettingsError(f"another gateway uses {directory}: give each its own exports.directory") from e
    except OSError as e:
        raise unusable(directory, e) from e


def unusable(directory: Path | str, error: OSError) -> SettingsError:
    return SettingsError(f"exports.directory {directory} cannot be used: {error.strerror}")
