"""The arrays of a safetensors file: a length, a JSON header that says where each array lies, and the arrays."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.failure import ExportError

LENGTH_BYTES = 8
TYPES = {"F16": "<f2", "F32": "<f4"}


def read_metadata(path: Path) -> dict[str, str]:
    """What the file says of itself."""
    try:
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(LENGTH_BYTES))
            return dict(json.loads(file.read(header_bytes)).get("__metadata__") or {})
    except (OSError, ValueError, AttributeError, struct.error) as error:
        raise ExportError(f"{path} cannot be read as safetensors: {error}") from error


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """All arrays in single precision."""
    try:
        content = path.read_bytes()
        (header_bytes,) = struct.unpack_from("<Q", content)
        start = LENGTH_BYTES + header_bytes
        header = json.loads(content[LENGTH_BYTES:start])
        return {name: _array(content[start:], facts) for name, facts in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ExportError(f"{path} cannot be read as safetensors: {error}") from error


def _array(content: bytes, facts: dict[str, Any]) -> NDArray[np.float32]:
    start, end = facts["data_offsets"]
    if not 0 <= start <= end <= len(content):
        raise ValueError("it is truncated")
    values = np.frombuffer(content[start:end], TYPES[facts["dtype"]])
    return values.reshape(facts["shape"]).astype(np.float32)
