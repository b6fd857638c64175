"""Takes out of ONNX Runtime's CUDA provider the machine code for all cards but one kind, so that it can travel.

Such a library carries the same kernels for each architecture in containers (NVIDIA's "fat binaries"). What is zeroed
is never asked for on that card: the driver takes the entry made for it, and only when a kernel of it is first called.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

SECTIONS = (b".nv_fatbin", b"__nv_relfatbin")
CONTAINER, ZSTD = 0xBA55ED50, b"\x28\xb5\x2f\xfd"
MACHINE_CODE = 2
LARGEST_BYTES = 1 << 28
# Kernels of ONNX Runtime for what no graph here has: mixtures of experts, weights of 4 or 8 bits, paged and sparse
# caches, beam search, bfloat16.
UNUSED = re.compile(
    rb"[mM]oe|Expert|expert|fpA_intB|GemmFpAIntB|weight_only|weightOnly|interleaved|xqa|kernel_mha|paged|"
    rb"doActivation|GroupProblem|bfloat16|[Ss]parse[_A]tt|group_query|GroupQuery|[Bb]eam|decoder_masked|masked_multihead"
)


@dataclass(frozen=True)
class Entry:
    """One architecture's code of one source file: where it lies in the library, and how much is compressed."""

    kind: int
    architecture: int
    start: int
    size: int
    compressed: int


def thin(library: Path, architecture: int) -> bytes:
    """The library with the kernels of this architecture alone (90: Hopper), without those that are not used here."""
    data = bytearray(library.read_bytes())
    kept = 0
    for entry in entries(data):
        if entry.kind == MACHINE_CODE and entry.architecture == architecture and not _unused(data, entry):
            kept += 1
        else:
            data[entry.start : entry.start + entry.size] = bytes(entry.size)
    if not kept:
        raise ValueError(f"{library} has no code for architecture {architecture}")
    return bytes(data)


def entries(data: bytes | bytearray) -> Iterator[Entry]:
    for start, size in _sections(data):
        place, end = start, start + size
        while place < end:
            if struct.unpack_from("<I", data, place)[0] != CONTAINER:
                place += 8
                continue
            header, length = struct.unpack_from("<HQ", data, place + 6)
            yield from _inside(data, place + header, place + header + length)
            place = (place + header + length + 7) // 8 * 8


def _inside(data: bytes | bytearray, place: int, end: int) -> Iterator[Entry]:
    while place < end:
        kind, _version, header = struct.unpack_from("<HHI", data, place)
        size, compressed = struct.unpack_from("<QI", data, place + 8)
        architecture = struct.unpack_from("<I", data, place + 28)[0]
        yield Entry(kind, architecture, place + header, size, compressed)
        place += header + size


def _sections(data: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Offset and size in the file, from the table of an ELF of 64 bits."""
    table = struct.unpack_from("<Q", data, 0x28)[0]
    each, count, names = struct.unpack_from("<HHH", data, 0x3A)
    rows = [struct.unpack_from("<IIQQQQ", data, table + number * each) for number in range(count)]
    for name, _type, _flags, _address, offset, size in rows:
        start = rows[names][4] + name
        if bytes(data[start : data.index(0, start)]) in SECTIONS:
            yield offset, size


def _unused(data: bytes | bytearray, entry: Entry, matches: Callable[[bytes], object] = UNUSED.search) -> bool:
    code = bytes(data[entry.start : entry.start + (entry.compressed or entry.size)])
    if code.startswith(ZSTD):
        code = zstandard.ZstdDecompressor().decompress(code, max_output_size=LARGEST_BYTES)
    names = set(re.findall(rb"\.text\.([A-Za-z0-9_]+)", code))
    return bool(names) and all(matches(name) for name in names)
