"""Error rates of texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def distance(said: Sequence[str], truth: Sequence[str]) -> int:
    """Levenshtein's: how many insertions, deletions and substitutions lie between."""
    numbers: dict[str, int] = {}
    true = np.array([numbers.setdefault(item, len(numbers)) for item in truth], np.int64)
    columns = np.arange(len(true) + 1)
    row = columns
    for place, item in enumerate(said, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (true != numbers.get(item, -1)))
        # Whatever is best so far may go on with insertions, each for one.
        row = np.minimum.accumulate(np.concatenate([[place], changed]) - columns) + columns
    return int(row[-1])


@dataclass
class Score:
    """Sums over utterances."""

    utterances: int = 0
    exact: int = 0
    words: int = 0
    word_errors: int = 0
    characters: int = 0
    character_errors: int = 0

    def add(self, said: str, truth: str) -> None:
        self.utterances += 1
        self.exact += said == truth
        self.words += len(truth.split())
        self.word_errors += distance(said.split(), truth.split())
        self.characters += len(truth)
        self.character_errors += distance(said, truth)

    def percentages(self) -> dict[str, float]:
        return {
            "wer": _percent(self.word_errors, self.words),
            "cer": _percent(self.character_errors, self.characters),
            "exact": _percent(self.exact, self.utterances),
        }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / max(1, whole), 1)
