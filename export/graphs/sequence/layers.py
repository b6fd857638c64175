"""What encoder and decoder are made of: linear layers in the wanted precision, norms, attention."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.building import CONTRIBUTED, FLOAT, HALF, Graph
from export.graphs.sequence import quantisation
from export.graphs.sequence.options import Precision, Weights

Array = NDArray[Any]


@dataclass(frozen=True)
class Layers:
    """Layers of a checkpoint, written into a graph; values are [batch, places, width].

    `few_rows` says that mostly one place a row is computed, as when decoding: int8 has another kernel for that. `plain`
    ones use the standard's operators alone, which TensorRT knows too.
    """

    graph: Graph
    weights: Weights
    precision: Precision
    few_rows: bool = False
    plain: bool = False

    @property
    def element_type(self) -> int:
        return int(HALF if self.precision == "fp16" else FLOAT)

    @property
    def width(self) -> int:
        return len(self.weights["model.encoder.layer_norm.weight"])

    @property
    def hidden_bias(self) -> float:
        """Added to the score of what must not be looked at; its weight is then exactly 0."""
        return -6e4 if self.precision == "fp16" else -1e9

    def array(self, values: Any) -> str:
        return self.graph.constant(values, np.float16 if self.precision == "fp16" else np.float32)

    def weight(self, name: str) -> Array:
        return np.asarray(self.weights[name], np.float32)

    def linear(self, value: str, *names: str, scale: float = 1.0) -> str:
        """The named layers side by side; the first one's result is scaled."""
        matrices = [self.weight(f"{name}.weight") for name in names]
        matrices[0] = matrices[0] * scale
        if not any(f"{name}.bias" in self.weights for name in names):
            return self.affine(value, np.concatenate(matrices), None)
        # Whisper's key projections have no bias.
        biases = [
            self.weight(f"{name}.bias") if f"{name}.bias" in self.weights else np.zeros(len(matrix), np.float32)
            for name, matrix in zip(names, matrices, strict=True)
        ]
        biases[0] = biases[0] * scale
        return self.affine(value, np.concatenate(matrices), np.concatenate(biases))

    def affine(self, value: str, matrix: Array, bias: Array | None) -> str:
        """The matrix is [outputs, inputs]."""
        if self.precision != "int8":
            return self.exact(value, matrix, bias)
        if self.few_rows:
            return quantisation.by_blocks(self.graph, value, matrix, bias)
        return quantisation.by_rows(self.graph, value, matrix, bias)

    def exact(self, value: str, matrix: Array, bias: Array | None) -> str:
        product = self.graph.call("MatMul", value, self.array(matrix.T))
        return product if bias is None else self.graph.call("Add", product, self.array(bias))

    def norm(self, value: str, name: str) -> str:
        """Some have no bias."""
        names = [f"{name}.{part}" for part in ("weight", "bias") if f"{name}.{part}" in self.weights]
        arrays = [self.array(self.weights[each]) for each in names]
        return self.graph.call("LayerNormalization", value, *arrays, axis=-1, epsilon=1e-5)

    def gelu(self, value: str) -> str:
        """Spelled out as ONNX Runtime's optimiser knows it, which makes one operator of it."""
        erf = self.graph.call("Erf", self.graph.call("Div", value, self.array(np.sqrt(2.0))))
        whole = self.graph.call("Mul", value, self.graph.call("Add", erf, self.array(1.0)))
        return self.graph.call("Mul", whole, self.array(0.5))

    def feed_forward(self, value: str, name: str) -> str:
        inner = self.gelu(self.linear(self.norm(value, f"{name}.final_layer_norm"), f"{name}.fc1"))
        return self.graph.call("Add", value, self.linear(inner, f"{name}.fc2"))

    def attend(self, heads: int, *inputs: str, results: int = 1) -> list[str]:
        """One operator for the whole of it; the queries come scaled. It returns what is mixed, and keys and values."""
        return self.graph.call_many(
            "MultiHeadAttention", *inputs, results=results, domain=CONTRIBUTED, num_heads=heads, scale=1.0
        )

    def hear(self, heads: int, query: str, memory: tuple[str, str], mask: str) -> str:
        """What is mixed of the places that the mask has 1 for; all are [batch, places, width]."""
        if not self.plain:
            return self.attend(heads, query, *memory, "", mask)[0]
        query, key, value = (self.heads(each, heads) for each in (query, *memory))
        return self.merged(self.look(query, key, value, self.bias(mask))[0])

    def look(self, query: str, key: str, value: str, bias: str) -> tuple[str, str]:
        """Attention spelled out, of [batch, heads, places, size]: what is mixed, and how much each looks at each."""
        graph = self.graph
        scores = graph.call("MatMul", query, graph.call("Transpose", key, perm=[0, 1, 3, 2]))
        looks = graph.call("Softmax", graph.call("Add", scores, bias), axis=-1)
        return graph.call("MatMul", looks, value), looks

    def bias(self, mask: str) -> str:
        """[batch, 1, 1, places] of 1 for each place that may be looked at."""
        graph = self.graph
        hidden = graph.call("Sub", self.array(1.0), graph.call("Cast", mask, to=self.element_type))
        return graph.call("Mul", graph.call("Unsqueeze", hidden, graph.ints(1, 2)), self.array(self.hidden_bias))

    def heads(self, value: str, heads: int) -> str:
        """[batch, heads, places, size]"""
        split = self.graph.call("Reshape", value, self.graph.ints(0, 0, heads, self.width // heads))
        return self.graph.call("Transpose", split, perm=[0, 2, 1, 3])

    def merged(self, value: str) -> str:
        """Heads side by side again."""
        swapped = self.graph.call("Transpose", value, perm=[0, 2, 1, 3])
        return self.graph.call("Reshape", swapped, self.graph.ints(0, 0, self.width))
