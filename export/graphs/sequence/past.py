"""Two ways to keep the tokens before: values that grow with each pass of a loop, and rooms that are filled in place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.graphs.sequence.layers import Layers


@dataclass(frozen=True)
class Growing:
    bias: str  # [batch, 1, new, kept + new]
    kept: tuple[tuple[str, str], ...]  # keys and values of each layer: [batch, heads, kept, size]

    def mix(self, layers: Layers, heads: int, layer: int, new: Sequence[str]) -> tuple[str, tuple[str, str]]:
        mixed, key, value = layers.attend(heads, *new, "", "", self.bias, *self.kept[layer], results=3)
        return mixed, (key, value)


@dataclass(frozen=True)
class Rooms:
    """For as many tokens as the model has positions, each at its own: whatever is behind it is not looked at.

    A room comes in and goes out. Where the caller gives the same memory for both only the new tokens are written:
    ScatterElements copies nothing then. ScatterND and GatherND would do as well, but they bring sizes from the host's
    memory, which a captured CUDA graph would read again when it is no longer theirs.
    """

    bias: str  # [batch, 1, new, room]
    places: str  # INT64 [batch, heads, new, size]
    kept: tuple[tuple[str, str], ...]  # [batch, heads, room, size]
    filled: tuple[tuple[str, str], ...]  # the names of the same with the new tokens

    @classmethod
    def of(
        cls, layers: Layers, positions: str, rooms: Sequence[tuple[str, str]], sizes: tuple[int, int, int]
    ) -> "Rooms":
        """`sizes`: heads, places and size of a room."""
        graph, (heads, room, size) = layers.graph, sizes
        column = graph.call("Unsqueeze", positions, graph.ints(1, 3))
        inside = graph.call("LessOrEqual", graph.constant(np.arange(room)[None, None, None], np.int64), column)
        bias = graph.call("Where", inside, layers.array(0.0), layers.array(layers.hidden_bias))
        batch, new = (graph.size(positions, axis) for axis in (0, 1))
        places = graph.call("Concat", batch, graph.ints(heads), new, graph.ints(size), axis=0)
        filled = tuple((filled_name(key), filled_name(value)) for key, value in rooms)
        return cls(bias, graph.call("Expand", column, places), tuple(rooms), filled)

    def mix(self, layers: Layers, heads: int, layer: int, new: Sequence[str]) -> tuple[str, tuple[str, str]]:
        query, key, value = (layers.heads(each, heads) for each in new)
        keys, values = (
            layers.graph.call_as(name, "ScatterElements", room, self.places, part, axis=2)
            for name, room, part in zip(self.filled[layer], self.kept[layer], (key, value), strict=True)
        )
        return layers.merged(layers.look(query, keys, values, self.bias)[0]), (keys, values)


def filled_name(room: str) -> str:
    return f"NEXT_{room}"
