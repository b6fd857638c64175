"""What is written so far: tokens, how likely they were, and where the decoder looked while each was put in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .asked import Array, Asked


@dataclass
class Text:
    asked: Asked
    tokens: list[Array] = field(default_factory=list)  # INT64 [rows], of each pass
    scores: list[Array] = field(default_factory=list)
    looks: list[Array] = field(default_factory=list)  # FP32 [rows, frames]
    done: Array = field(init=False)

    def __post_init__(self) -> None:
        self.done = self.asked.allowed <= 0

    @property
    def alive(self) -> Array:
        """The rows that are still written."""
        return np.flatnonzero(~self.done)

    @property
    def positions(self) -> Array:
        """Where the token goes that was written last."""
        return np.minimum(self.asked.length + len(self.tokens) - 1, self.asked.facts.positions - 1)

    def add(self, rows: Array, tokens: Array, scores: Array) -> None:
        """What these rows say next; for one that is done the end, which costs nothing."""
        facts = self.asked.facts
        said = np.full(len(self.done), facts.end, np.int64)
        likely = np.zeros(len(self.done), np.float32)
        said[rows], likely[rows] = tokens, scores
        said[self.done], likely[self.done] = facts.end, 0.0
        self.tokens.append(said)
        self.scores.append(likely)
        self.done = self.done | (said == facts.end) | (len(self.tokens) >= self.asked.allowed)

    def look(self, rows: Array, looks: Array) -> None:
        found = np.zeros((len(self.done), looks.shape[1]), np.float32)
        found[rows] = looks
        self.looks.append(found)

    def alignment(self, prompt: Array, frames: int) -> Array:
        """[rows, frames, places of the prompt and tokens]; what was written last never looked anywhere."""
        rows, places = self.asked.tokens.shape
        found = np.zeros((rows, frames, places + len(self.tokens)), np.float32)
        found[:, :, : prompt.shape[1]] = prompt[:, :, :frames].transpose(0, 2, 1)
        for number, looks in enumerate(self.looks):
            found[:, :, places + number] = looks[:, :frames]
        return found
