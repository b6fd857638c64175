"""The arrays of a PyTorch checkpoint in the legacy format (before the zip files), without PyTorch and without trust.

The file is a row of pickles (magic number, protocol, facts about the machine, the objects, the keys of the storages)
and then each storage's raw bytes. A pickle can call whatever it names; this reader lets it name three things, and
none of them is code of its choosing.
"""

import os
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from export.failure import ExportError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
FLOAT_BYTES = 4
# What the pickle module raises on bytes that are no pickle, and what indexing into an unexpected object raises.
MALFORMED: tuple[type[Exception], ...] = (
    AttributeError, EOFError, IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError,
    pickle.UnpicklingError, struct.error,
)  # fmt: skip


class FloatStorage:
    """Stands for torch.FloatStorage where the pickle names the type of a storage."""


@dataclass(frozen=True)
class Tensor:
    """A view into a storage whose bytes come later in the file."""

    storage_key: str
    offset: int
    shape: tuple[int, ...]


class RestrictedUnpickler(pickle.Unpickler):
    """Builds plain containers and tensor views; refuses to look up anything else."""

    def find_class(self, module: str, name: str, /) -> Any:
        allowed: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "FloatStorage"): FloatStorage,
            ("torch._utils", "_rebuild_tensor_v2"): _view,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")
        return allowed[module, name]

    def persistent_load(self, pid: Any, /) -> str:
        match pid:
            case ("storage", kind, str(key), str(), int(), None) if kind is FloatStorage:
                return key
        raise pickle.UnpicklingError("it refers to something other than a storage of float32")


def read_arrays(path: Path, entry: str) -> dict[str, NDArray[np.float32]]:
    """The named tensors of one entry of the checkpoint's dictionary."""
    try:
        with path.open("rb") as file:
            if _load(file) != MAGIC or _load(file) != PROTOCOL or _load(file)["little_endian"] is not True:
                _refuse("it is not in PyTorch's legacy format")
            tensors = _load(file)[entry]
            storages = _read_storages(file, _load(file))
        return {str(name): _array(tensor, storages) for name, tensor in tensors.items()}
    except MALFORMED as error:
        raise ExportError(f"{path} cannot be read as a checkpoint: {error}") from error


def _load(file: BinaryIO) -> Any:
    return RestrictedUnpickler(file).load()


def _view(storage: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_rest: object) -> Tensor:
    contiguous = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    if stride != contiguous:
        raise pickle.UnpicklingError("a tensor is not contiguous")
    return Tensor(storage, offset, shape)


def _read_storages(file: BinaryIO, keys: list[str]) -> dict[str, NDArray[np.float32]]:
    return {key: _read_storage(file) for key in keys}


def _read_storage(file: BinaryIO) -> NDArray[np.float32]:
    (count,) = struct.unpack("<q", file.read(8))
    remaining_bytes = os.fstat(file.fileno()).st_size - file.tell()
    if not 0 <= count * FLOAT_BYTES <= remaining_bytes:
        _refuse("it is truncated")
    return np.frombuffer(file.read(count * FLOAT_BYTES), "<f4")


def _array(tensor: Tensor, storages: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    size = int(np.prod(tensor.shape))
    values = storages[tensor.storage_key][tensor.offset : tensor.offset + size]
    return values.reshape(tensor.shape)


def _refuse(reason: str) -> NoReturn:
    raise pickle.UnpicklingError(reason)
