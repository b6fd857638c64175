"""Model folders in the native ONNX Runtime layout, small enough to be loaded many times in a test run."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_numbers = itertools.count()

ADDER = """
name: "NAME"
backend: "onnxruntime"
max_batch_size: 16
input [ { name: "X" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "Y" data_type: TYPE_FP32 dims: [ -1 ] }, { name: "LABEL" data_type: TYPE_STRING dims: [ 1 ] } ]
instance_group [ { count: 1 } ]
parameters [ { key: "intra_op_thread_count" value: { string_value: "1" } } ]
dynamic_batching { max_queue_delay_microseconds: 50000 }
optimization { execution_accelerators { gpu_execution_accelerator [ { name: "tensorrt" } ] } }
model_warmup [ {
  name: "one row" batch_size: 1
  inputs [ { key: "X" value: { data_type: TYPE_FP32 dims: [ 4 ] zero_data: true } } ]
} ]
"""

LOOKUP = """
name: "NAME"
backend: "onnxruntime"
max_batch_size: 16
input [ { name: "INDEX" data_type: TYPE_INT64 dims: [ 1 ] } ]
output [ { name: "VALUE" data_type: TYPE_FP32 dims: [ 1 ] } ]
instance_group [ { count: 1 } ]
dynamic_batching { max_queue_delay_microseconds: 50000 }
"""

UNBATCHED = """
name: "NAME"
backend: "onnxruntime"
max_batch_size: 0
input [ { name: "X" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "Y" data_type: TYPE_FP32 dims: [ -1 ] } ]
instance_group [ { count: 1 } ]
"""

ELEMENT_TYPES = {
    "BOOL": TensorProto.BOOL, "UINT8": TensorProto.UINT8, "INT8": TensorProto.INT8, "UINT16": TensorProto.UINT16,
    "INT16": TensorProto.INT16, "UINT32": TensorProto.UINT32, "INT32": TensorProto.INT32, "UINT64": TensorProto.UINT64,
    "INT64": TensorProto.INT64, "FP16": TensorProto.FLOAT16, "FP32": TensorProto.FLOAT, "FP64": TensorProto.DOUBLE,
    "STRING": TensorProto.STRING,
}  # fmt: skip


def adder(bias: float) -> bytes:
    """Y = X + bias, and LABEL names the graph in each row."""
    nodes = [
        helper.make_node("Add", ["X", "bias"], ["Y"]),
        helper.make_node("Shape", ["X"], ["rows"], start=0, end=1),
        helper.make_node("Concat", ["rows", "one"], ["label_shape"], axis=0),
        helper.make_node("Expand", ["label", "label_shape"], ["LABEL"]),
    ]
    constants = [
        numpy_helper.from_array(np.float32(bias), "bias"),
        numpy_helper.from_array(np.array([1]), "one"),
        helper.make_tensor("label", TensorProto.STRING, [1, 1], [f"añade {bias:g}".encode()]),
    ]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["B", "N"])]
    outputs = [
        helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["B", "N"]),
        helper.make_tensor_value_info("LABEL", TensorProto.STRING, ["B", 1]),
    ]
    return _serialized(helper.make_graph(nodes, "adder", inputs, outputs, constants))


def failing() -> bytes:
    """The adder over a shape that no row has: it loads, and fails whenever it runs."""
    model = onnx.load_from_string(adder(0.0))
    (add,) = [node for node in model.graph.node if node.op_type == "Add"]
    add.output[0] = "sum"
    model.graph.node.extend(
        [
            helper.make_node("Shape", ["sum"], ["shape"]),
            helper.make_node("Add", ["shape", "one"], ["no_such_shape"]),
            helper.make_node("Reshape", ["sum", "no_such_shape"], ["Y"]),
        ]
    )
    serialized: bytes = model.SerializeToString()
    return serialized


def lookup() -> bytes:
    """VALUE = table[INDEX]; an index outside 0..3 fails while the graph runs."""
    table = numpy_helper.from_array(np.array([10, 11, 12, 13], dtype=np.float32), "table")
    nodes = [helper.make_node("Gather", ["table", "INDEX"], ["VALUE"])]
    inputs = [helper.make_tensor_value_info("INDEX", TensorProto.INT64, ["B", 1])]
    outputs = [helper.make_tensor_value_info("VALUE", TensorProto.FLOAT, ["B", 1])]
    return _serialized(helper.make_graph(nodes, "lookup", inputs, outputs, [table]))


def unbatched() -> bytes:
    nodes = [helper.make_node("Neg", ["X"], ["Y"])]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N"])]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N"])]
    return _serialized(helper.make_graph(nodes, "unbatched", inputs, outputs))


def spinner() -> bytes:
    """The adder of 1, which goes round as often as X says before."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["same"])],
        "round",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v", TensorProto.FLOAT, [])],
        [value("on", TensorProto.BOOL, []), value("same", TensorProto.FLOAT, [])],
    )
    model = onnx.load_from_string(adder(1.0))
    rounds = [
        helper.make_node("Cast", ["X"], ["whole"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["whole"], ["rounds"], keepdims=0),
        helper.make_node("Loop", ["rounds", "", "bias"], ["in_the_end"], body=body),
    ]
    model.graph.node[0].input[1] = "in_the_end"
    for node in reversed(rounds):
        model.graph.node.insert(0, node)
    return bytes(model.SerializeToString())


def echo() -> bytes:
    """OUT_<type> = IN_<type> for every element type."""
    nodes = [helper.make_node("Identity", [f"IN_{name}"], [f"OUT_{name}"]) for name in ELEMENT_TYPES]
    inputs = [helper.make_tensor_value_info(f"IN_{name}", kind, ["B", "N"]) for name, kind in ELEMENT_TYPES.items()]
    outputs = [helper.make_tensor_value_info(f"OUT_{name}", kind, ["B", "N"]) for name, kind in ELEMENT_TYPES.items()]
    return _serialized(helper.make_graph(nodes, "echo", inputs, outputs))


def echo_config() -> str:
    def tensors(prefix: str) -> str:
        each = (f'{{ name: "{prefix}_{name}" data_type: TYPE_{name} dims: [ -1 ] }}' for name in ELEMENT_TYPES)
        return ", ".join(each)

    return f"""
name: "NAME"
backend: "onnxruntime"
max_batch_size: 4
input [ {tensors("IN")} ]
output [ {tensors("OUT")} ]
instance_group [ {{ count: 1 }} ]
"""


def publish_model(repository: Path, name: str, config: str, graph: bytes) -> None:
    """The whole folder with version 1 appears at once."""
    unfinished = _unfinished(repository)
    (unfinished / "1").mkdir()
    (unfinished / "1" / "model.onnx").write_bytes(graph)
    (unfinished / "config.pbtxt").write_text(config.replace("NAME", name))
    os.rename(unfinished, repository / name)


def publish_version(repository: Path, name: str, version: int, graph: bytes) -> None:
    unfinished = _unfinished(repository / name)
    (unfinished / "model.onnx").write_bytes(graph)
    os.rename(unfinished, repository / name / str(version))


def _unfinished(folder: Path) -> Path:
    path = folder / f".unfinished-{next(_numbers)}"
    path.mkdir(parents=True)
    return path


def _serialized(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def values(answer: dict[str, list[dict[str, Sequence[float]]]], output: int = 0) -> list[float]:
    """The numbers of one output of an HTTP inference answer."""
    return list(answer["outputs"][output]["data"])
