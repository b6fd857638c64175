"""What a decoder is given and gives in one pass of the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from export.graphs.building import Graph
from export.graphs.sequence.layers import Layers


@dataclass(frozen=True)
class Heard:
    """What the decoder listens to: the states, keys and values for each of its layers, and what to ignore."""

    states: str
    memories: tuple[tuple[str, str], ...]  # keys and values, [batch, heads, frames, size]
    mask: str  # 1 for each frame that is real, INT32 [batch, frames]


class Past(Protocol):
    """The keys and values of the tokens before: new ones join them, and look at those that they may look at."""

    def mix(self, layers: Layers, heads: int, layer: int, new: Sequence[str]) -> tuple[str, tuple[str, str]]:
        """Of new queries, which come scaled, keys and values: what is mixed, and the keys and values to keep."""
        ...


@dataclass(frozen=True)
class Step:
    """What one pass takes: tokens and their positions [batch, new], and what was before them."""

    tokens: str
    positions: str
    past: Past
    bounded: bool = False  # there are never more new tokens than the model has positions


@dataclass(frozen=True)
class Passed:
    """What one pass gives: states before the last norm, what the next pass keeps, where the chosen heads looked."""

    states: str  # [batch, new, width]
    kept: tuple[tuple[str, str], ...]
    looks: str | None  # [batch, new, frames]


class Decoder(Protocol):
    def run(self, step: Step) -> Passed: ...

    def logits(self, states: str) -> str:
        """FP32 [batch, places, vocabulary]"""
        ...


DecoderInto = Callable[[Graph], Decoder]  # writes the decoder, with its weights, into the body of the loop
