"""Processor time of a process and all that it started."""

import contextlib
import os
from pathlib import Path

from tests.triton_server import child_pids

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree_seconds(pid: int) -> float:
    """User and system time so far of the process and its descendants alive."""
    seconds = 0.0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    return seconds + sum(tree_seconds(child) for child in child_pids(pid))
