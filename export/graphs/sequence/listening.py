"""A decoder's looks at what was heard: those of the heads that are watched tell where it is in the sound."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.graphs.building import FLOAT
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.passes import Heard


@dataclass(frozen=True)
class Ears:
    """Cross-attention of one pass; the queries come scaled."""

    layers: Layers
    heard: Heard
    heads: int
    watched: tuple[tuple[int, int], ...]  # (layer, head) whose looks are averaged

    def listen(self, asked: str, layer: int) -> tuple[str, list[str]]:
        """What is mixed, and the looks of the heads that are watched."""
        layers, graph = self.layers, self.layers.graph
        key, values = self.heard.memories[layer]
        watched = [head for place, head in self.watched if place == layer]
        if not watched and not layers.plain:
            return layers.attend(self.heads, asked, key, values, "", self.heard.mask)[0], []
        mixed, looks = layers.look(layers.heads(asked, self.heads), key, values, layers.bias(self.heard.mask))
        chosen = [graph.call("Gather", looks, graph.ints(*watched), axis=1)] if watched else []
        return layers.merged(mixed), chosen

    def mean(self, looks: Sequence[str]) -> str | None:
        """[batch, new, frames]"""
        if not looks:
            return None
        graph = self.layers.graph
        every = graph.call("Concat", *looks, axis=1)
        return graph.call("Cast", graph.call("ReduceMean", every, axes=[1], keepdims=0), to=FLOAT)
