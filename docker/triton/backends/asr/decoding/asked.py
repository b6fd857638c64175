"""What is asked of the decoder, as the Loop reads it: a wrong number counts as the nearest right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
DETECT = -1  # stands in a prompt where the token of the detected language goes


@dataclass(frozen=True)
class Facts:
    """What the step graph tells of itself."""

    start: int
    end: int
    languages: Sequence[int]
    vocabulary: int
    positions: int


@dataclass(frozen=True)
class Asked:
    """INT64, a row each."""

    tokens: Array  # [rows, places]
    length: Array
    start: Array  # where start-of-transcript stands
    allowed: Array  # how many tokens may be written
    facts: Facts

    @classmethod
    def read(cls, inputs: Mapping[str, Array], facts: Facts) -> Asked:
        tokens = np.clip(inputs["PROMPT"].astype(np.int64), DETECT, facts.vocabulary - 1)
        most = min(tokens.shape[1], facts.positions)
        length = np.clip(inputs["PROMPT_LENGTH"].astype(np.int64)[:, 0], 1, most)
        start = np.minimum((tokens == facts.start).argmax(axis=1), length - 1)
        allowed = np.minimum(inputs["MAX_TOKENS"].astype(np.int64)[:, 0], facts.positions - length)
        return cls(tokens, length, start, np.maximum(allowed, 0), facts)

    @property
    def separate(self) -> bool:
        """Whether the language takes a pass of its own: some prompt waits for it, or has other text first."""
        waits = (self.tokens == DETECT) & (np.arange(self.tokens.shape[1]) < self.length[:, None])
        return bool(waits.any() or (self.tokens[:, 0] != self.facts.start).any())

    def filled(self, languages: Array) -> Array:
        """The prompts with the likeliest language where they wait for one."""
        if not self.facts.languages:
            return np.maximum(self.tokens, 0)
        likeliest = np.array(self.facts.languages, np.int64)[languages.argmax(axis=1)]
        return np.where(self.tokens == DETECT, likeliest[:, None], self.tokens)

    def judged(self, tokens: Array) -> tuple[Array, Array]:
        """Which places of each row are judged, from start-of-transcript to the last, and what follows each of them."""
        width = int((self.length - self.start).max())
        places = np.minimum(self.start[:, None] + np.arange(width), self.length[:, None] - 1)
        return places, np.take_along_axis(tokens, np.minimum(places + 1, tokens.shape[1] - 1), axis=1)

    def later(self, tokens: Array) -> Array:
        """1 where the client began the text: that may end at once."""
        last = np.take_along_axis(tokens, self.length[:, None] - 1, axis=1)[:, 0]
        return ((last >= 0) & (last < self.facts.end)).astype(np.int64)

    def spread(self, given: Array) -> Array:
        """Log-probabilities of what follows each judged place, at the places of the prompt: FP32 [rows, places]."""
        found = np.zeros(self.tokens.shape, np.float32)
        for row, (start, length) in enumerate(zip(self.start, self.length, strict=True)):
            found[row, start + 1 : length] = given[row, : length - start - 1]
        return found
