"""Graphs in ONNX Runtime's own file format, read by ONNX Runtime's own loader; nothing in them is run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnxruntime

from export.failure import ExportError

FATAL_ONLY = 4


def read_graph(path: Path) -> onnx.GraphProto:
    """As it stands in the file: written again without being optimised."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = FATAL_ONLY
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "graph.onnx")
        options.optimized_model_filepath = str(written)
        try:
            onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            return onnx.load_model(written).graph
        except Exception as error:  # the package raises a dozen kinds without a base
            reason = str(error).partition("\n")[0]
            raise ExportError(f"{path} cannot be read as a graph of ONNX Runtime ({reason}): fetch it again") from None


def every_graph(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """It, and the branches and bodies inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from every_graph(attribute.g)
