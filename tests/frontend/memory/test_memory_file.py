"""Bytes outside the heap: written in pieces, seen without a copy, and gone when their file is closed."""

import asyncio
import os
from pathlib import Path

import pytest

from frontend.memory.memory_file import MemoryFile
from tests.triton_server import wait_until


def used_bytes(link: Path) -> int:
    return os.stat(link).st_blocks * 512


def test_what_was_appended_comes_out_whole_and_in_pieces() -> None:
    file = MemoryFile()
    file.append(b"abc")
    file.append(b"defg")
    assert (file.content(), file.size_bytes, bytes(file.view())) == (b"abcdefg", 7, b"abcdefg")
    assert list(file.pieces(3)) == [b"abc", b"def", b"g"]
    file.close()
    file.close()
    assert file.fd == -1


def test_whoever_has_a_file_too_cannot_shorten_what_is_looked_at() -> None:
    """A process that decodes it, say: who reads beyond the end of a file is killed."""
    file = MemoryFile()
    file.append(b"abc")
    view = file.view()
    with pytest.raises(PermissionError):
        os.ftruncate(file.fd, 0)
    assert bytes(view) == b"abc"
    file.close()


async def test_the_memory_of_a_large_file_is_free_though_somebody_still_looks_at_it() -> None:
    """Freed beside the event loop: where its last view goes, that would take tens of milliseconds."""
    file = MemoryFile()
    file.append(b"x" * (8 << 20))
    view, witness = file.view(), os.dup(file.fd)
    try:
        link = Path(f"/proc/self/fd/{witness}")
        assert used_bytes(link) == 8 << 20
        file.close()
        await asyncio.to_thread(wait_until, lambda: used_bytes(link) == 0, 10.0)
        assert view[0] == view[-1] == 0
    finally:
        os.close(witness)
