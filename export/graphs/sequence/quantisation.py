"""Linear layers in int8: weights once, here; activations row by row while running, so that no row touches another.

A scale over the whole tensor, as ONNX Runtime's own dynamic quantisation has it, would make a row's result depend on
who else is in the batch.
"""

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
LEAST_SCALE = 1e-10
# Of larger blocks MatMulNBits adds up in another order where a row is alone, or the odd last one, than beside another.
BLOCK = 64
BITS = 8
INT8_ARITHMETIC = 4  # MatMulNBits' accuracy level


def by_rows(graph: Graph, value: str, matrix: Array, bias: Array | None) -> str:
    """For many rows: one scale for each output, one for each row of activations."""
    weights, scales = quantised(matrix, 1, HIGHEST_WEIGHT)
    flat = graph.call("Reshape", value, graph.ints(-1, matrix.shape[1]))
    loudest = graph.call("ReduceMax", graph.call("Abs", flat), axes=[1], keepdims=0)
    scale = graph.call("Max", graph.call("Mul", loudest, graph.floats(1 / HIGHEST)), graph.floats(LEAST_SCALE))
    middle = graph.constant(MIDDLE, np.uint8)
    middles = graph.call("Expand", middle, graph.call("Shape", scale))
    rows = graph.call("QuantizeLinear", flat, scale, middles, axis=0)
    product = graph.call(
        "MatMulIntegerToFloat",
        rows,
        graph.constant(weights.T, np.int8),
        graph.floats(1.0),
        graph.floats(scales[:, 0]),
        middle,
        domain=CONTRIBUTED,
    )
    scaled = graph.call("Mul", product, graph.call("Unsqueeze", scale, graph.ints(1)))
    wanted = graph.call("Concat", graph.call("Shape", value, end=2), graph.ints(len(matrix)), axis=0)
    whole = graph.call("Reshape", scaled, wanted)
    # The bias last: the activation that may follow takes it in.
    return whole if bias is None else graph.call("Add", whole, graph.floats(bias))


def by_blocks(graph: Graph, value: str, matrix: Array, bias: Array | None) -> str:
    """For few rows: one operator, with a scale for each block of a row, of weights and activations alike.

    It adds up in more bits than 16 on every processor.
    """
    blocks, scales = blocked(matrix)
    rest = [graph.floats(bias)] if bias is not None else []
    return graph.call(
        "MatMulNBits",
        value,
        graph.constant(blocks, np.uint8),
        graph.floats(scales),
        *([""] * 2 if rest else []),
        *rest,
        domain=CONTRIBUTED,
        K=matrix.shape[1],
        N=len(matrix),
        bits=BITS,
        block_size=BLOCK,
        accuracy_level=INT8_ARITHMETIC,
    )


def blocked(matrix: Array) -> tuple[Array, Array]:
    """Bytes [outputs, blocks, size] around 128 and their scales [outputs, blocks]; the last block is filled up."""
    missing = -matrix.shape[1] % BLOCK
    padded = np.pad(matrix, ((0, 0), (0, missing))).reshape(len(matrix), -1, BLOCK)
    weights, scales = quantised(padded, 2, HIGHEST)
    return (weights.astype(np.int16) + MIDDLE).astype(np.uint8), scales[:, :, 0]


def quantised(values: Array, axis: int, highest: int) -> tuple[Array, Array]:
    """Integers up to the highest and what they are multiples of, kept as an axis of length one."""
    scales = np.maximum(np.abs(values).max(axis=axis, keepdims=True) / highest, LEAST_SCALE)
    return np.asarray(np.round(values / scales), np.int8), np.asarray(scales, np.float32)
