"""A library as small as one can be that still carries machine code for several cards."""

import struct
from pathlib import Path

import pytest
import zstandard

from tests.gpu.thinning import CONTAINER, MACHINE_CODE, entries, thin

HEADER, ENTRY = 16, 64


def code(*kernels: str) -> bytes:
    return zstandard.compress(b"\0".join(b".text." + name.encode() for name in kernels) * 4)


def entry(architecture: int, content: bytes, kind: int = MACHINE_CODE) -> bytes:
    padded = content + bytes(-len(content) % 8)
    head = struct.pack("<HHIQI", kind, 1, ENTRY, len(padded), len(content)).ljust(28, b"\0")
    return (head + struct.pack("<I", architecture)).ljust(ENTRY, b"\0") + padded


def library(*found: bytes) -> bytes:
    """An ELF of three sections: none, the containers', and the names of all."""
    inside = b"".join(found)
    container = struct.pack("<IHHQ", CONTAINER, 1, HEADER, len(inside)) + inside
    names = b"\0.nv_fatbin\0.shstrtab\0"
    table = 64 + len(container) + len(names)
    rows = [(0, 0, 0), (1, 64, len(container)), (12, 64 + len(container), len(names))]
    sections = b"".join(struct.pack("<IIQQQQ", name, 1, 0, 0, at, size).ljust(64, b"\0") for name, at, size in rows)
    header = bytearray(64)
    struct.pack_into("<Q", header, 0x28, table)
    struct.pack_into("<HHH", header, 0x3A, 64, 3, 2)
    return bytes(header) + container + names + sections


def kept(path: Path, architecture: int) -> list[bool]:
    thinned = thin(path, architecture)
    assert len(thinned) == path.stat().st_size
    return [any(thinned[each.start : each.start + each.size]) for each in entries(thinned)]


def test_the_code_of_one_card_stays_where_it_is_and_that_of_others_is_zeroed(tmp_path: Path) -> None:
    path = tmp_path / "provider.so"
    path.write_bytes(library(entry(80, code("softmax")), entry(90, code("softmax")), entry(90, b"PTX", kind=1)))
    assert kept(path, 90) == [False, True, False]
    assert kept(path, 80) == [True, False, False]


def test_kernels_that_no_graph_here_uses_go_unless_used_ones_share_their_place(tmp_path: Path) -> None:
    path = tmp_path / "provider.so"
    path.write_bytes(library(entry(90, code("moe_gemm", "beam_search")), entry(90, code("beam_search", "softmax"))))
    assert kept(path, 90) == [False, True]


def test_a_library_without_the_card_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "provider.so"
    path.write_bytes(library(entry(80, code("softmax"))))
    with pytest.raises(ValueError, match="no code for architecture 90"):
        thin(path, 90)
