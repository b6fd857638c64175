"""The decoder over new tokens, after those whose keys and values it keeps."""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import FLOAT, Graph
from export.graphs.whisper import quantisation
from export.graphs.whisper.encoder import Heard
from export.graphs.whisper.layers import Array, Layers
from export.graphs.whisper.shape import Shape


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


@dataclass(frozen=True)
class Decoder:
    """Written into the body of the loop, with its weights; `heard` comes from the graph around it."""

    layers: Layers
    shape: Shape
    heard: Heard
    watched: tuple[tuple[int, int], ...]  # (layer, head) whose looks are averaged

    @property
    def graph(self) -> Graph:
        return self.layers.graph

    def run(self, step: Step) -> Passed:
        value = self._embedded(step)
        kept: list[tuple[str, str]] = []
        looks: list[str] = []
        for layer in range(self.shape.decoder_layers):
            name = f"model.decoder.layers.{layer}"
            mixed, memory = self._recall(value, name, step, step.kept[layer])
            kept.append(memory)
            value = self.graph.call("Add", value, mixed)
            mixed, chosen = self._listen(value, name, layer)
            looks += chosen
            value = self.graph.call("Add", value, mixed)
            value = self.layers.feed_forward(value, name)
        return Passed(value, tuple(kept), self._mean(looks))

    def logits(self, states: str) -> str:
        """FP32 [batch, places, vocabulary]"""
        graph = self.graph
        normed = self.layers.norm(states, "model.decoder.layer_norm")
        if self.layers.precision == "int8":
            return quantisation.by_blocks(graph, normed, self._embedding, None)
        # As Gemm, so that one array serves to look tokens up and to score them.
        rows = graph.call("Reshape", normed, graph.ints(-1, self.shape.width))
        scores = graph.call("Gemm", rows, self.layers.array(self._embedding), transB=1)
        wanted = graph.call("Concat", graph.call("Shape", states, end=2), graph.ints(self.shape.vocabulary), axis=0)
        return graph.call("Cast", graph.call("Reshape", scores, wanted), to=FLOAT)

    @property
    def _embedding(self) -> Array:
        return self.layers.weight("model.decoder.embed_tokens.weight")

    def _embedded(self, step: Step) -> str:
        graph = self.graph
        places = self.layers.array(self.layers.weights["model.decoder.embed_positions.weight"])
        return graph.call("Add", self._looked_up(step.tokens), graph.call("Gather", places, step.positions))

    def _looked_up(self, tokens: str) -> str:
        graph = self.graph
        if self.layers.precision != "int8":
            return graph.call("Gather", self.layers.array(self._embedding), tokens)
        # From the bytes that score the vocabulary too.
        blocks, scales = quantisation.blocked(self._embedding)
        found = graph.call("Cast", graph.call("Gather", graph.constant(blocks, np.uint8), tokens), to=FLOAT)
        found = graph.call("Sub", found, graph.floats(quantisation.MIDDLE))
        scale = graph.call("Unsqueeze", graph.call("Gather", graph.floats(scales), tokens), graph.ints(3))
        flat = graph.call("Reshape", graph.call("Mul", found, scale), graph.ints(0, 0, -1))
        return graph.call("Slice", flat, graph.ints(0), graph.ints(self.shape.width), graph.ints(2))

    def _recall(self, value: str, name: str, step: Step, kept: tuple[str, str]) -> tuple[str, tuple[str, str]]:
        normed = self.layers.norm(value, f"{name}.self_attn_layer_norm")
        names = [f"{name}.self_attn.{part}_proj" for part in "qkv"]
        both = self.layers.linear(normed, *names, scale=self._scale)
        new = self.graph.call_many("Split", both, results=3, axis=2)
        mixed, *memory = self.layers.attend(self.shape.decoder_heads, *new, "", "", step.bias, *kept, results=3)
        return self.layers.linear(mixed, f"{name}.self_attn.out_proj"), (memory[0], memory[1])

    def _listen(self, value: str, name: str, layer: int) -> tuple[str, list[str]]:
        """What is mixed, and the looks of the heads that are watched."""
        layers, heads, graph = self.layers, self.shape.decoder_heads, self.graph
        normed = layers.norm(value, f"{name}.encoder_attn_layer_norm")
        asked = layers.linear(normed, f"{name}.encoder_attn.q_proj", scale=self._scale)
        key, values = self.heard.memories[layer]
        watched = [head for place, head in self.watched if place == layer]
        if watched:
            looks = self._looks(layers.heads(asked, heads), key)
            mixed = layers.merged(graph.call("MatMul", looks, values))
            chosen = [graph.call("Gather", looks, graph.ints(*watched), axis=1)]
        else:
            (mixed,) = layers.attend(heads, asked, key, values, "", self.heard.mask)
            chosen = []
        return layers.linear(mixed, f"{name}.encoder_attn.out_proj"), chosen

    def _looks(self, query: str, key: str) -> str:
        graph, layers = self.graph, self.layers
        hidden = graph.call("Sub", layers.array(1.0), graph.call("Cast", self.heard.mask, to=layers.element_type))
        bias = graph.call("Mul", graph.call("Unsqueeze", hidden, graph.ints(1, 2)), layers.array(layers.hidden_bias))
        scores = graph.call("MatMul", query, graph.call("Transpose", key, perm=[0, 1, 3, 2]))
        return graph.call("Softmax", graph.call("Add", scores, bias), axis=-1)

    @property
    def _scale(self) -> float:
        return float((self.shape.width / self.shape.decoder_heads) ** -0.5)

    def _mean(self, looks: list[str]) -> str | None:
        if not looks:
            return None
        every = self.graph.call("Concat", *looks, axis=1)
        return self.graph.call("Cast", self.graph.call("ReduceMean", every, axes=[1], keepdims=0), to=FLOAT)
