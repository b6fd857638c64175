"""From how alike two voices are to how likely they are one: measured once for a version of the embedding model.

The less speech was heard on either side, the less alike one voice is to itself, and the less a score says. So slope and
intercept of the logistic are polynomials in the scarcity of speech: 1/seconds on the one side + 1/seconds on the other.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Farther than any score leads; beyond it exp would overflow.
_MAX_EXPONENT = 700.0


@dataclass(frozen=True)
class Calibration:
    """Coefficients from the constant on; amounts of speech outside `seconds` were not measured, the nearest counts."""

    slope: tuple[float, ...]
    intercept: tuple[float, ...]
    seconds: tuple[float, float] = (0.0, math.inf)

    @classmethod
    def parse(cls, content: Any) -> "Calibration | None":
        """What a manifest says; None where it is of another kind. Plain numbers do not depend on amounts of speech."""
        if not isinstance(content, Mapping) or "slope" not in content:
            return None
        slope, intercept = (_coefficients(content[key]) for key in ("slope", "intercept"))
        least, most = (finite(value) for value in content["seconds"]) if "seconds" in content else cls.seconds
        if not 0 <= least < most or (least == 0 and len(slope) + len(intercept) > 2):
            raise ValueError("no range of seconds")
        return cls(slope, intercept, (least, most))

    def probability(self, score: float, one_seconds: float, other_seconds: float) -> float:
        """That two voices with this similarity are the same one, each heard for so long."""
        least, most = self.seconds
        scarcity = sum(1 / min(max(each, least), most) for each in (one_seconds, other_seconds)) if least else 0.0
        slope, intercept = (_polynomial(each, scarcity) for each in (self.slope, self.intercept))
        exponent = slope * score + intercept
        return 1 / (1 + math.exp(-max(-_MAX_EXPONENT, min(_MAX_EXPONENT, exponent))))


def finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _coefficients(value: Any) -> tuple[float, ...]:
    found = tuple(map(finite, value if isinstance(value, list) else [value]))
    if not found:
        raise ValueError("no coefficients")
    return found


def _polynomial(coefficients: tuple[float, ...], at: float) -> float:
    return sum(coefficient * at**power for power, coefficient in enumerate(coefficients))
