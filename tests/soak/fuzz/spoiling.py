"""How what is right is made wrong: bytes, JSON and texts that are nearly what they should be."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

# What has been too much for somebody's parser.
HARD_BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\r\n",
    b"\n",
    b"\xc3",
    b"\xed\xa0\x80",
    b"%00",
)
HARD_TEXTS = (
    "",
    " ",
    "\0",
    "\ud800",
    "ſ",
    "ı",
    "١٢",
    "1e400",
    "-0",
    "nan",
    "inf",
    "0x10",
    "1_000",
    "²",
    "a" * 3000,
    "../..",
)
HARD_NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0, 5e-324, float("nan"), float("inf"))

texts = st.one_of(st.sampled_from(HARD_TEXTS), st.text(max_size=20))
scalars = st.one_of(st.none(), st.booleans(), st.sampled_from(HARD_NUMBERS), st.integers(), texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
_DEEP = tuple(part * depth for depth in (300, 5000, 60_000) for part in (b"[", b'{"a":'))


@st.composite
def mangled(draw: st.DrawFn, originals: SearchStrategy[bytes], most: int = 3) -> bytes:
    """Up to so many bytes, stretches or ends of it are others, missing or twice there."""
    data = bytearray(draw(originals))
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(1, 16)))
        match draw(st.sampled_from(("flip", "replace", "insert", "remove", "repeat", "cut"))):
            case "flip" if start < len(data):
                data[start] ^= 1 << draw(st.integers(0, 7))
            case "replace":
                data[start:end] = draw(st.one_of(st.sampled_from(HARD_BYTES), st.binary(max_size=16)))
            case "insert":
                data[start:start] = draw(st.one_of(st.sampled_from(HARD_BYTES), st.binary(max_size=16)))
            case "remove":
                del data[start:end]
            case "repeat":
                data[start:start] = data[start:end] * draw(st.integers(1, 40))
            case "cut":
                del data[start:]
    return bytes(data)


@st.composite
def spoilt(draw: st.DrawFn, documents: SearchStrategy[Any]) -> Any:
    """A field of an object, at any depth, is another value, missing, or one more."""
    document = copy.deepcopy(draw(documents))
    inner, steps = document, 0
    while isinstance(inner, dict) and inner and steps < 4:
        key = draw(st.sampled_from(sorted(inner)))
        if isinstance(inner[key], dict) and inner[key] and draw(st.booleans()):
            inner, steps = inner[key], steps + 1
            continue
        match draw(st.sampled_from(("leave", "replace", "remove", "add"))):
            case "replace":
                inner[key] = draw(values)
            case "remove":
                del inner[key]
            case "add":
                inner[draw(texts)] = draw(values)
        break
    return document


def objects(fields: Mapping[str, SearchStrategy[Any]]) -> SearchStrategy[dict[str, Any]]:
    """With any of these fields, fresh each time."""
    return st.fixed_dictionaries({}, optional=dict(fields))


def written(documents: SearchStrategy[Any]) -> SearchStrategy[bytes]:
    """As JSON: right, spoilt, mangled, or far too deep."""
    return st.one_of(
        documents.map(_json),
        spoilt(documents).map(_json),
        mangled(spoilt(documents).map(_json)),
        values.map(_json),
        mangled(documents.map(_json)),
        st.integers(0, 40).map(lambda number: _DEEP[number] if number < len(_DEEP) else b"{}"),
    )


def one_of(known: Sequence[Any], other: SearchStrategy[Any] = scalars) -> SearchStrategy[Any]:
    """Mostly what is known."""
    return st.one_of(st.sampled_from(known), st.sampled_from(known), other)


def _json(value: Any) -> bytes:
    """Half of a surrogate pair is written as JSON does, or as the bytes that UTF-8 forbids."""
    try:
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return b"{}"
