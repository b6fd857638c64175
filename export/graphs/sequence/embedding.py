"""The vocabulary's one array, in which tokens are looked up and by which they are scored."""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import FLOAT
from export.graphs.sequence import quantisation
from export.graphs.sequence.layers import Array, Layers


@dataclass(frozen=True)
class Embedding:
    layers: Layers
    name: str

    def look_up(self, tokens: str) -> str:
        """[batch, places, width]"""
        graph = self.layers.graph
        if self.layers.precision != "int8":
            return graph.call("Gather", self.layers.array(self._array), tokens)
        # From the bytes that score the vocabulary too.
        blocks, scales = quantisation.blocked(self._array)
        found = graph.call("Cast", graph.call("Gather", graph.constant(blocks, np.uint8), tokens), to=FLOAT)
        found = graph.call("Sub", found, graph.floats(quantisation.MIDDLE))
        scale = graph.call("Unsqueeze", graph.call("Gather", graph.floats(scales), tokens), graph.ints(3))
        flat = graph.call("Reshape", graph.call("Mul", found, scale), graph.ints(0, 0, -1))
        return graph.call("Slice", flat, graph.ints(0), graph.ints(self._array.shape[1]), graph.ints(2))

    def logits(self, normed: str) -> str:
        """FP32 [batch, places, vocabulary] of states [batch, places, width]"""
        graph, (vocabulary, width) = self.layers.graph, self._array.shape
        if self.layers.precision == "int8":
            return quantisation.by_blocks(graph, normed, self._array, None)
        # As Gemm, so that one array serves to look tokens up and to score them.
        rows = graph.call("Reshape", normed, graph.ints(-1, width))
        scores = graph.call("Gemm", rows, self.layers.array(self._array), transB=1)
        wanted = graph.call("Concat", graph.call("Shape", normed, end=2), graph.ints(vocabulary), axis=0)
        return graph.call("Cast", graph.call("Reshape", scores, wanted), to=FLOAT)

    @property
    def _array(self) -> Array:
        return self.layers.weight(self.name)
