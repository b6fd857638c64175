"""Reading PyTorch's legacy checkpoints: arrays come out right, and a hostile file can do nothing but be refused."""

import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.failure import ExportError
from export.publishing.recipes import RECIPES
from export.sources.legacy_checkpoint import MAGIC, PROTOCOL, read_arrays

FACTS = {"little_endian": True}


class Call:
    """Pickles as a call that happens when the pickle is read."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def tensor_pickle(storage: str = "torch\nFloatStorage", stride: str = "K\x02K\x01") -> bytes:
    """{"model_state": {"weight": a 3 x 2 view at offset 1 of storage "7"}}, written opcode by opcode."""
    return (
        b"\x80\x02}X\x0b\x00\x00\x00model_state}X\x06\x00\x00\x00weight"
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        b"X\x07\x00\x00\x00storagec" + storage.encode() + b"\nX\x01\x00\x00\x007X\x03\x00\x00\x00cpuK\x08Nt"
        b"QK\x01(K\x03K\x02t(" + stride.encode() + b"t\x89ccollections\nOrderedDict\n)RtRss."
    )


def write(path: Path, content: bytes, count: int = 8) -> Path:
    head = b"".join(pickle.dumps(item, 2) for item in (MAGIC, PROTOCOL, FACTS))
    numbers = struct.pack("<q", count) + np.arange(8, dtype="<f4").tobytes()
    path.write_bytes(head + content + pickle.dumps(["7"], 2) + numbers)
    return path


def test_a_tensor_is_a_view_into_its_storage(tmp_path: Path) -> None:
    arrays = read_arrays(write(tmp_path / "c.pt", tensor_pickle()), "model_state")
    np.testing.assert_array_equal(arrays["weight"], [[1, 2], [3, 4], [5, 6]])


def test_the_bundled_checkpoint_has_the_encoders_arrays() -> None:
    arrays = read_arrays(RECIPES["speaker_embedding"].source.locate(), "model_state")
    assert arrays["lstm.weight_ih_l0"].shape == (1024, 40)
    assert arrays["linear.weight"].shape == (256, 256)
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in arrays.values())


def test_a_pickle_that_runs_a_command_is_refused_before_it_runs(tmp_path: Path) -> None:
    trace = tmp_path / "was_here"
    hostile = pickle.dumps({"model_state": Call(os.system, f"touch {trace}")}, 2)
    with pytest.raises(ExportError, match=r"names posix\.system, which is not allowed"):
        read_arrays(write(tmp_path / "c.pt", hostile), "model_state")
    assert not trace.exists()


def test_a_command_in_the_head_of_the_file_is_refused_too(tmp_path: Path) -> None:
    trace, path = tmp_path / "was_here", tmp_path / "c.pt"
    path.write_bytes(pickle.dumps(Call(os.system, f"touch {trace}"), 2))
    with pytest.raises(ExportError, match="not allowed"):
        read_arrays(path, "model_state")
    assert not trace.exists()


@pytest.mark.parametrize("function", [eval, exec, __import__, getattr, open])
def test_no_builtin_can_be_called(tmp_path: Path, function: Callable[..., Any]) -> None:
    path = write(tmp_path / "c.pt", pickle.dumps({"model_state": Call(function, "1")}, 2))
    with pytest.raises(ExportError, match="not allowed"):
        read_arrays(path, "model_state")


@pytest.mark.parametrize("name", ["OrderedDict.fromkeys", "OrderedDict.__init__.__globals__"])
def test_an_allowed_name_opens_no_way_to_its_attributes(tmp_path: Path, name: str) -> None:
    encoded = name.encode()
    # Protocol 4 can name attributes of attributes.
    dotted = b"\x80\x04\x8c\x0bcollections\x8c" + bytes([len(encoded)]) + encoded + b"\x93."
    with pytest.raises(ExportError, match="not allowed"):
        read_arrays(write(tmp_path / "c.pt", dotted), "model_state")


@pytest.mark.parametrize("count", [-1, 9, 2**40, 2**62])
def test_a_storage_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(ExportError, match="truncated"):
        read_arrays(write(tmp_path / "c.pt", tensor_pickle(), count), "model_state")


def test_another_kind_of_storage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"torch\.HalfStorage"):
        read_arrays(write(tmp_path / "c.pt", tensor_pickle(storage="torch\nHalfStorage")), "model_state")


def test_a_transposed_tensor_is_refused_and_not_misread(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not contiguous"):
        read_arrays(write(tmp_path / "c.pt", tensor_pickle(stride="K\x01K\x03")), "model_state")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"\x80\x02K\x01.", bytes(range(64))])
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="cannot be read as a checkpoint") as refusal:
        read_arrays(path, "model_state")
    assert "\n" not in str(refusal.value)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "c.pt", tensor_pickle()).read_bytes()
    for size in range(len(whole)):
        path = tmp_path / "cut.pt"
        path.write_bytes(whole[:size])
        with pytest.raises(ExportError):
            read_arrays(path, "model_state")


def test_a_missing_entry_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "c.pt", pickle.dumps(OrderedDict(), 2))
    with pytest.raises(ExportError, match="model_state"):
        read_arrays(path, "model_state")
