"""Buffers that come and go cost the kernel nothing once they were there."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from frontend.memory import allocator

# Eight buffers, as a call of many rows needs them, over and over; prints how many pages the kernel made for them.
ROUNDS = """
import resource
from frontend.memory import allocator
{first}
def round():
    buffers = [bytes(300_000) for _ in range(8)]
    return len(buffers)

round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(first: str) -> int:
    return int(subprocess.check_output([sys.executable, "-c", ROUNDS.format(first=first)]))


def test_what_was_freed_is_used_again() -> None:
    assert page_faults("allocator.keep_what_is_freed()") * 10 < page_faults("")


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: SimpleNamespace())
    allocator.keep_what_is_freed()
