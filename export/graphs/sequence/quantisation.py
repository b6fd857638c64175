"""Linear layers in int8: weights once, here; activations row by row while running, so that no row touches another.

A scale over the whole tensor, as ONNX Runtime's own dynamic quantisation has it, would make a row's result depend on
who else is in the batch.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.building import CONTRIBUTED, Graph

Array = NDArray[Any]
HIGHEST = 127
MIDDLE = 128  # zero as an unsigned byte
# Where a processor has no VNNI, ONNX Runtime adds up two products of an unsigned and a signed byte in 16 bits and cuts
# off what is more. Twice 255 times this is not: for one bit less the sums are exact wherever a graph is served.
HIGHEST_WEIGHT = 64
# What a model's identity says of it.
ROUNDING = {"highest_weight": HIGHEST_WEIGHT, "scales": "rows"}
LEAST_SCALE, LEAST_LOUDEST = 1e-10, 1e-8


@dataclass(frozen=True)
class Bytes:
    """A matrix [outputs, inputs] in bytes: of `weights` around `zero` each output has multiples of its scale."""

    weights: Array
    scales: Array
    zero: int

    @classmethod
    def signed(cls, matrix: Array) -> "Bytes":
        """Fastest, and by a bit less exact."""
        weights, scales = quantised(matrix, HIGHEST_WEIGHT)
        return cls(weights, scales, 0)

    @classmethod
    def unsigned(cls, matrix: Array) -> "Bytes":
        """With all bits: two unsigned bytes are multiplied in more bits than 16 on every processor. That takes up to
        half as long again, but for few rows, where the time goes for reading weights, next to nothing."""
        weights, scales = quantised(matrix, HIGHEST)
        return cls((weights.astype(np.int16) + MIDDLE).astype(np.uint8), scales, MIDDLE)

    @property
    def columns(self) -> Array:
        """[inputs, outputs]"""
        return self.weights.T


def by_rows(graph: Graph, value: str, matrix: Bytes, bias: Array | None) -> str:
    """One scale for each output, one for each row of activations."""
    loudest = graph.call("ReduceMax", graph.call("Abs", value), axes=[-1], keepdims=1)
    loudest = graph.call("Max", loudest, graph.floats(LEAST_LOUDEST))
    # Multiples of the loudest by 1 / HIGHEST: fewer operators than a scale for each row, which need it as a vector.
    step, middle = graph.floats(1 / HIGHEST), graph.constant(MIDDLE, np.uint8)
    product = graph.call(
        "MatMulIntegerToFloat",
        graph.call("QuantizeLinear", graph.call("Div", value, loudest), step, middle),
        graph.constant(matrix.columns, matrix.weights.dtype),
        step,
        graph.floats(matrix.scales),
        middle,
        graph.constant(matrix.zero, matrix.weights.dtype),
        domain=CONTRIBUTED,
    )
    whole = graph.call("Mul", product, loudest)
    # The bias last: the activation that may follow takes it in.
    return whole if bias is None else graph.call("Add", whole, graph.floats(bias))


def quantised(matrix: Array, highest: int) -> tuple[Array, Array]:
    """Bytes up to the highest and what each output's are multiples of."""
    scales = np.maximum(np.abs(matrix).max(axis=1, keepdims=True) / highest, LEAST_SCALE)
    return np.asarray(np.round(matrix / scales), np.int8), np.asarray(scales[:, 0], np.float32)
