"""Integers instead of floats: the sums are the integers' own, on every processor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from export.graphs.building import FLOAT, Graph
from export.graphs.runtime import Runner
from export.graphs.sequence.quantisation import by_blocks, by_rows
from export.graphs.whisper.graph import build
from tests.export.graphs.whisper.checkpoint import SMALL, options, random_weights

Array = NDArray[Any]
Linear = Callable[[Graph, str, Array, Array], str]
# Without VNNI two neighbouring products of an unsigned and a signed byte are added up in so many bits, and cut off.
LARGEST_SUM = 2**15 - 1
LARGEST_BYTE = 255


def loudest(width: int) -> Array:
    """Rows whose every value is the largest there is, of either sign."""
    odd = np.arange(width) % 2
    return np.array([np.ones(width), -np.ones(width), 1 - 2 * odd, 2 * odd - 1, 1 - odd], np.float32)


@pytest.mark.parametrize("linear", [by_rows, by_blocks])
@pytest.mark.parametrize("width", [64, 192, 384, 1536])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_the_loudest_values_against_the_largest_weights_are_summed_exactly(
    linear: Linear, width: int, rows: int
) -> None:
    values, matrix = loudest(width)[:rows], np.tile(loudest(width), (4, 1))
    graph = Graph("linear")
    given = graph.input("X", FLOAT, ["batch", "places", width])
    graph.output(
        "Y", linear(graph, given, matrix, np.zeros(len(matrix), np.float32)), FLOAT, ["batch", "places", len(matrix)]
    )
    (found,) = Runner(graph.model().SerializeToString()).run({"X": values[None]})["Y"]
    np.testing.assert_allclose(found, values @ matrix.T, rtol=1e-6, atol=1e-3)


def test_no_weights_of_a_graph_can_add_up_to_more_than_any_processor_holds() -> None:
    model = build(random_weights(SMALL, seed=12, ctc_classes=9), SMALL, options("int8"))
    matrices = list(byte_matrices(model.graph))
    assert len(matrices) > SMALL.encoder_layers
    for matrix in matrices:
        assert 2 * LARGEST_BYTE * np.abs(matrix.astype(int)).max() <= LARGEST_SUM


def byte_matrices(graph: onnx.GraphProto) -> list[Array]:
    """What the operators that multiply unsigned bytes with signed ones hold."""
    constants = {each.name: each for each in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    return [numpy_helper.to_array(constants[node.input[1]]) for node in nodes]
