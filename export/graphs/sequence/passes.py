"""What a decoder is given and gives in one pass of the loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from export.graphs.building import Graph


@dataclass(frozen=True)
class Heard:
    """What the decoder listens to: the states, keys and values for each of its layers, and what to ignore."""

    states: str
    memories: tuple[tuple[str, str], ...]  # keys and values, [batch, heads, frames, size]
    mask: str  # 1 for each frame that is real, INT32 [batch, frames]


@dataclass(frozen=True)
class Step:
    """What one pass takes: tokens and their positions [batch, new], and the bias of their looks at one another."""

    tokens: str
    positions: str
    bias: str  # [batch, 1, new, kept + new]
    kept: tuple[tuple[str, str], ...]  # keys and values of each layer: [batch, heads, kept, size]


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
