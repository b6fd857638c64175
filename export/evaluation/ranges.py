"""How far a figure could lie elsewhere by the luck of which recordings it was measured on."""

import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

_DRAWS = 500
_MIDDLE_PERCENT = 95
Array = NDArray[np.float64]
Range = tuple[float, float]


def of_ratio(parts: Sequence[float], wholes: Sequence[float]) -> Range | None:
    """Of 100 times the sum of the parts over that of the wholes, the range of 95 in 100 draws of as many recordings."""
    part, whole = np.asarray(parts, float), np.asarray(wholes, float)
    return _drawn(len(part), lambda chosen: 100 * part[chosen].sum(axis=1) / np.maximum(whole[chosen].sum(axis=1), 1))


def of_median(values: Sequence[float]) -> Range | None:
    given = np.asarray(values, float)
    return _drawn(len(given), lambda chosen: np.asarray(np.median(given[chosen], axis=1)))


def _drawn(count: int, figure: Callable[[NDArray[np.int64]], Array]) -> Range | None:
    if count < 2:
        return None
    random = np.random.default_rng(zlib.crc32(str(count).encode()))
    edge = (100 - _MIDDLE_PERCENT) / 2
    low, high = np.percentile(figure(random.integers(count, size=(_DRAWS, count))), (edge, 100 - edge))
    return round(float(low), 1), round(float(high), 1)
