"""From speech probabilities to decisions, window by window."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Speech begins at the first probability and ends below the second."""

    speech_in: float = 0.5
    speech_out: float = 0.35


class ActivityDecider:
    """A decision a window: in speech or not, with hysteresis."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._speaking = False

    def feed(self, probabilities: Iterable[float]) -> Sequence[bool]:
        decisions = []
        for probability in probabilities:
            bar = self._thresholds.speech_out if self._speaking else self._thresholds.speech_in
            self._speaking = probability >= bar
            decisions.append(self._speaking)
        return decisions
