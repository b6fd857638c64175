"""The parameters of a checkpoint as arrays: safetensors, whole or in shards, or PyTorch's zip without its code."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from export.failure import ExportError
from export.sources.folder import Checkpoint

Weights = dict[str, NDArray[np.float32]]
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
NAMES_SHOWN = 3


def read(checkpoint: Checkpoint) -> Weights:
    """Every parameter in single precision, whatever the checkpoint keeps it in."""
    found: Weights = {}
    files = _files(checkpoint)
    for path in tqdm(files, desc="reading weights", unit="file", disable=None, leave=False):
        found.update(read_file(path))
    return found


def read_file(path: Path) -> Weights:
    tensors = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    return {name: np.ascontiguousarray(tensor.float().numpy()) for name, tensor in tensors.items()}


def check(weights: Mapping[str, NDArray[Any]], expected: Mapping[str, tuple[int, ...]], source: Path) -> None:
    """Every parameter that the configuration calls for, in its shape, and no other."""
    _refuse(source, "lacks", sorted(expected.keys() - weights.keys()))
    _refuse(source, "has parameters that its configuration does not explain:", sorted(weights.keys() - expected.keys()))
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ExportError(
                f"{source}: {name} has shape {list(weights[name].shape)}, its config.json says {list(shape)}"
            )
        if not np.isfinite(weights[name]).all():
            raise ExportError(f"{source}: {name} holds values that are not finite")


def _refuse(source: Path, what: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        raise ExportError(f"{source} {what} {', '.join(names[:NAMES_SHOWN])}{more}")


def _files(checkpoint: Checkpoint) -> list[Path]:
    folder = checkpoint.folder
    for whole, index in ((WHOLE, INDEX), (PICKLE, PICKLE_INDEX)):
        if (folder / whole).is_file():
            return [folder / whole]
        shards = checkpoint.json(index)
        if shards is not None:
            return _shards(folder, shards)
    raise ExportError(f"{folder} has no weights: neither {WHOLE} nor {PICKLE}, whole or in shards")


def _shards(folder: Path, index: Mapping[str, Any]) -> list[Path]:
    places = index.get("weight_map")
    names = sorted(set(places.values())) if isinstance(places, dict) else []
    # A name with a folder in it could point anywhere.
    missing = [name for name in names if Path(name).name != name or not (folder / name).is_file()]
    if missing or not names:
        raise ExportError(
            f"{folder} lacks {', '.join(missing[:NAMES_SHOWN]) or 'shards'} of its weights: fetch it again"
        )
    return [folder / name for name in names]


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError, json.JSONDecodeError) as error:
        raise ExportError(f"{path} is truncated or damaged ({error}): fetch it again") from None


def _pickled(path: Path) -> dict[str, Any]:
    """A pickle can call what it names; `weights_only` lets it name tensors."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ExportError(f"{path} cannot be read as plain weights ({reason}): fetch it again") from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ExportError(f"{path} holds something other than named weights")
    return state
