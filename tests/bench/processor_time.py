"""Processor time and memory of a process, alone or with all that it started."""

import contextlib
import os
import time
from pathlib import Path

from tests.triton_server import child_pids

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGESIZE")
_CPUCLOCK_SCHED = 2


def tree_seconds(pid: int) -> float:
    """User and system time so far of the process and its descendants alive."""
    seconds = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    return seconds + sum(tree_seconds(child) for child in child_pids(pid))


def process_seconds(pid: int) -> float:
    """The same of the process alone, to the nanosecond: Linux has a clock for each (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
