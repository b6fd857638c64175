"""Arrays as Triton's requests and answers hold them: raw bytes with a type and a shape (KServe v2)."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_DTYPES = {
    "BOOL": np.dtype(bool),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
}
_STRINGS = "BYTES"
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def datatype_of(array: Array) -> str:
    return _STRINGS if array.dtype == object else _NAMES[array.dtype]


def raw_of(array: Array) -> bytes:
    """Numbers as they lie in memory; each string behind its length."""
    if array.dtype != object:
        return array.tobytes()
    return b"".join(struct.pack("<I", len(text)) + text for text in array.reshape(-1))


def array_of(datatype: str, shape: Sequence[int], raw: bytes) -> Array:
    """ValueError for what is no tensor of this type and shape. Numbers are not copied."""
    if datatype != _STRINGS:
        if datatype not in _DTYPES:
            raise ValueError(f"a tensor of the type {datatype}")
        return np.frombuffer(raw, _DTYPES[datatype]).reshape(shape)
    texts, at = [], 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise ValueError("a string tensor that ends in a length")
        end = at + 4 + int.from_bytes(raw[at : at + 4], "little")
        if end > len(raw):
            raise ValueError("a string tensor that ends in a string")
        texts.append(raw[at + 4 : end])
        at = end
    return np.array(texts, object).reshape(shape)
