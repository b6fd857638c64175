"""Header fields of HTTP/2 (RFC 7541), as far as one needs them who lets the peer keep no table of its own.

A block then means the same at any time, so what was read once is known.
"""

import functools
from collections.abc import Iterable, Mapping

_LITERAL = b"\x00"  # not indexed, with its name
# The names of the static table that matter here, and the statuses in it (Appendix A); the others are told as "".
_NAMES = dict.fromkeys(range(8, 15), ":status")
_STATUSES = dict(zip(range(8, 15), ("200", "204", "206", "304", "400", "404", "500"), strict=True))
_STATIC_FIELDS = 61
# How many bits the code of each printable character has (Appendix B), from the space on. Codes of one length follow
# each other in the order of their characters, and the shorter come first.
_BITS = (
    *(6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10),
    *(13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6),
    *(15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13),
)
_NUL_BITS = 13  # which no field holds, but its code takes its place among the others


def written(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(_LITERAL + _text(name) + _text(value) for name, value in fields)


@functools.lru_cache(maxsize=256)
def read(block: bytes) -> Mapping[str, str]:
    """What of it has a name that matters. ValueError for what is no block, or refers to what was never kept."""
    fields, at = dict[str, str](), 0
    try:
        while at < len(block):
            at, name, value = _field(block, at)
            if name:
                fields[name] = value
    except IndexError as e:
        raise ValueError("a block of header fields that ends too soon") from e
    return fields


def _field(block: bytes, at: int) -> tuple[int, str, str]:
    """Where the next one begins, and the name and value of this one (section 6)."""
    first = block[at]
    if first & 0x80:
        at, index = _number(block, at, 7)
        _check(index)
        return at, _NAMES.get(index, ""), _STATUSES.get(index, "")
    if first & 0xE0 == 0x20:  # the size of a table
        at, _ = _number(block, at, 5)
        return at, "", ""
    at, index = _number(block, at, 6 if first & 0x40 else 4)
    if index:
        _check(index)
        name = _NAMES.get(index, "")
    else:
        at, name = _string(block, at)
    at, value = _string(block, at)
    return at, name, value


def _check(index: int) -> None:
    if not 0 < index <= _STATIC_FIELDS:
        raise ValueError("a header field that was never kept")


def _string(block: bytes, at: int) -> tuple[int, str]:
    start, size = _number(block, at, 7)
    data = block[start : start + size]
    if len(data) < size:
        raise IndexError
    return start + size, _decoded(data) if block[at] & 0x80 else data.decode("latin-1")


def _number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer whose beginning has so many bits (5.1)."""
    most = (1 << bits) - 1
    value, at, shift = block[at] & most, at + 1, 0
    if value < most:
        return at, value
    while True:
        part = block[at]
        value, at, shift = value + ((part & 0x7F) << shift), at + 1, shift + 7
        if not part & 0x80:
            return at, value
        if shift > 28:
            raise ValueError("a number that is too large")


def _text(data: bytes) -> bytes:
    if len(data) < 0x7F:
        return bytes((len(data),)) + data
    rest, more = len(data) - 0x7F, bytearray(b"\x7f")
    while rest >= 0x80:
        more.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes((*more, rest)) + data


def _codes() -> Mapping[tuple[int, int], str]:
    """A character by the length of its code and the code."""
    codes, code, before = dict[tuple[int, int], str](), 0, 0
    characters = [(_NUL_BITS, 0), *((bits, ord(" ") + place) for place, bits in enumerate(_BITS))]
    for bits, character in sorted(characters):
        code <<= bits - before
        codes[bits, code] = chr(character)
        code, before = code + 1, bits
    return codes


_CODES = _codes()


def _decoded(data: bytes) -> str:
    """Text in the code of Appendix B; what is left at the end is ones."""
    text, code, bits = list[str](), 0, 0
    for byte in data:
        for place in range(7, -1, -1):
            code, bits = code << 1 | byte >> place & 1, bits + 1
            if (character := _CODES.get((bits, code))) is not None:
                text.append(character)
                code, bits = 0, 0
    if bits > 7 or code != (1 << bits) - 1:
        raise ValueError("text in no code of HTTP/2")
    return "".join(text)
