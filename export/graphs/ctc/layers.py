"""The layers of wav2vec2 that Whisper has not: convolutions, norms with an epsilon of their own, attention over all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.sequence.layers import Layers


class CtcLayers(Layers):
    """Layers by the names of a wav2vec2 checkpoint, in the precision that was asked for."""

    def has(self, name: str) -> bool:
        return name in self.weights

    def convolution(self, value: str, name: str, **attributes: Any) -> str:
        parts = [
            self.array(self.weights[f"{name}.{part}"]) for part in ("weight", "bias") if self.has(f"{name}.{part}")
        ]
        return self.graph.call("Conv", value, *parts, **attributes)

    def normalised(self, value: str, name: str, epsilon: float) -> str:
        arrays = [self.array(self.weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.graph.call("LayerNormalization", value, *arrays, axis=-1, epsilon=epsilon)

    def attention(self, value: str, name: str, heads: int, bias: str) -> str:
        graph = self.graph
        size = len(self.weights[f"{name}.q_proj.weight"]) // heads
        names = [f"{name}.{part}_proj" for part in "qkv"]
        parts = graph.call_many("Split", self.linear(value, *names, scale=size**-0.5), results=3, axis=2)
        perms = ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3])
        query, key, values = (self._split(part, heads, perm) for part, perm in zip(parts, perms, strict=True))
        looks = graph.call("Softmax", graph.call("Add", graph.call("MatMul", query, key), bias), axis=-1)
        mixed = graph.call("MatMul", looks, values)
        joined = graph.call("Reshape", graph.call("Transpose", mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, -1))
        return self.linear(joined, f"{name}.out_proj")

    def _split(self, value: str, heads: int, perm: list[int]) -> str:
        return self.graph.call(
            "Transpose", self.graph.call("Reshape", value, self.graph.ints(0, 0, heads, -1)), perm=perm
        )

    def channels(self, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """A norm's scale and bias as they lie along [batch, channels, frames]."""
        scale, bias = (np.reshape(self.weights[f"{name}.{part}"], (1, -1, 1)) for part in ("weight", "bias"))
        return scale, bias
