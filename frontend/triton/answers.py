"""Whether a model keeps to its contract: what it is asked fits, and what it answers is believed only where it does."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from frontend.errors import AudioError, UnavailableError
from frontend.speech import RATE
from frontend.triton.tensors import Arrays, Contract, Row

T = TypeVar("T")


def size_of(contract: Contract, rows: Sequence[Row]) -> int:
    """The length that all rows of a request are padded to."""
    longest = max(len(row.samples) for row in rows)
    size_samples = next((size for size in contract.sizes if size >= longest), None)
    if size_samples is None:
        raise AudioError(f"the model {contract.name} takes {contract.sizes[-1] / RATE:g} s at once, not more")
    return size_samples


def results_of(contract: Contract, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
    """The results of a batch; UnavailableError when the model does not keep to its contract."""
    check_finite(contract, outputs)
    results = checked(contract, lambda: contract.results(rows, outputs))
    if len(results) != len(rows):
        raise UnavailableError(f"the model {contract.name} gave {len(results)} results for {len(rows)} requests")
    return results


def check_finite(contract: Contract, outputs: Arrays) -> None:
    for name, values in outputs.items():
        # A sum is finite where its parts are, as doubles, and takes half the time.
        if values.dtype.kind == "f" and not math.isfinite(np.add.reduce(values, axis=None, dtype=np.float64)):
            raise UnavailableError(f"the model {contract.name} gave a {name} that is no number")


def checked(contract: Contract, read: Callable[[], T]) -> T:
    try:
        return read()
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as e:
        raise UnavailableError(f"the model {contract.name} does not keep to its contract") from e
