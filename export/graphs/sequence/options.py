"""How a graph computes, and the token ids that are constants in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

Precision = Literal["fp32", "fp16", "int8"]
Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class GraphOptions:
    """Token ids that are constants in the graph, and how it computes.

    `languages` is empty where no token names one. `suppressed` tokens are never generated, those in
    `suppressed_at_first` not as the first one. `alignment_heads` are pairs of layer and head; None takes all heads of
    the upper half of the decoder. They do not matter for a model with a CTC head, which aligns better.
    """

    start: int
    end: int
    no_speech: int | None = None
    languages: tuple[int, ...] = ()
    suppressed: tuple[int, ...] = ()
    suppressed_at_first: tuple[int, ...] = ()
    alignment_heads: tuple[tuple[int, int], ...] | None = None
    precision: Precision = "fp32"


class Sizes(Protocol):
    """What the loop must know of a model's shape."""

    @property
    def vocabulary(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def decoder_layers(self) -> int: ...

    @property
    def decoder_heads(self) -> int: ...

    @property
    def target_positions(self) -> int: ...


def watched(shape: Sizes, options: GraphOptions) -> tuple[tuple[int, int], ...]:
    """(layer, head) whose looks at the frames are averaged to the alignment."""
    if options.alignment_heads is not None:
        return options.alignment_heads
    upper = range(shape.decoder_layers // 2, shape.decoder_layers)
    return tuple((layer, head) for layer in upper for head in range(shape.decoder_heads))
