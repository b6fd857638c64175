"""Positions as turns: queries and keys are rotated by how far they stand from the beginning."""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import CONTRIBUTED
from export.graphs.moonshine.shape import Shape
from export.graphs.sequence.layers import Layers


@dataclass(frozen=True)
class Turning:
    """Of one stack's heads."""

    layers: Layers
    heads: int
    rotated: int  # so many of a head's values turn, in pairs
    tables: tuple[str, str]  # cosine and sine of each position's angles, [positions, rotated / 2]

    @classmethod
    def below(cls, positions: int, layers: Layers, heads: int, shape: Shape) -> "Turning":
        part = int(shape.head_size * shape.rotated)
        rates = shape.turn_base ** -(np.arange(0, part, 2) / part)
        angles = np.arange(positions)[:, None] * rates
        return cls(layers, heads, 2 * len(rates), (layers.array(np.cos(angles)), layers.array(np.sin(angles))))

    def lengthened(self, count: str) -> "Turning":
        """For as many places a row as are computed: the operator wants a position for each, used or not."""
        graph = self.layers.graph
        missing = graph.call("Max", graph.call("Sub", count, graph.size(self.tables[0], 0)), graph.ints(0))
        pads = graph.call("Concat", graph.ints(0, 0), missing, graph.ints(0), axis=0)
        cosine, sine = (graph.call("Pad", table, pads) for table in self.tables)
        return Turning(self.layers, self.heads, self.rotated, (cosine, sine))

    def turn(self, value: str, positions: str) -> str:
        """[batch, places, width], turned by INT64 [batch, places], or [1]: the first position of all rows."""
        return self.layers.graph.call(
            "RotaryEmbedding",
            value,
            positions,
            *self.tables,
            domain=CONTRIBUTED,
            interleaved=1,
            num_heads=self.heads,
            rotary_embedding_dim=self.rotated,
        )
