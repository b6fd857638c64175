"""A small builder over onnx.helper: nodes are written as calls that return the name of what they compute."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import TensorProto, helper, numpy_helper

# ONNX Runtime has known both since 1.13. What decides is its kernels and their mistakes: the graphs are right from
# OLDEST_RUNTIME on (Triton's releases since 25.05), which `make matrix` shows; before it batches are silently wrong.
OPSET, IR_VERSION = 17, 8
CONTRIBUTED = "com.microsoft"  # operators of ONNX Runtime that the standard lacks; NVIDIA's build of it has them too
INT8, UINT8, INT16, INT32, INT64, HALF, FLOAT, DOUBLE, BOOL, STRING = (
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.FLOAT16,
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.BOOL,
    TensorProto.STRING,
)
MANIFEST = "MANIFEST"
LARGEST_BYTES = 2_000_000_000
IDENTITY_HEX_DIGITS = 32
Shape = Sequence[str | int]


@dataclass
class Graph:
    """A graph under construction; each method returns the name of its result.

    The body of a Loop or If is a graph too: it sees the names of the graph around it, so its own need a prefix.
    """

    name: str
    prefix: str = ""
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def input(self, name: str, element_type: int, shape: Shape) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def output(self, name: str, value: str, element_type: int, shape: Shape) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, element_type, shape))

    def constant(self, values: ArrayLike, dtype: DTypeLike) -> str:
        array = np.asarray(values, dtype)
        digest = hashlib.sha256(repr((array.dtype, array.shape)).encode() + array.tobytes()).hexdigest()[:16]
        name = f"{self.prefix}constant_{digest}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def floats(self, values: ArrayLike) -> str:
        return self.constant(values, np.float32)

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def call(self, operator: str, *inputs: str, **attributes: Any) -> str:
        return self.call_many(operator, *inputs, results=1, **attributes)[0]

    def call_many(self, operator: str, *inputs: str, results: int, **attributes: Any) -> list[str]:
        names = [f"{self.prefix}{operator.lower()}_{len(self.nodes)}_{index}" for index in range(results)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names

    def call_as(self, name: str, operator: str, *inputs: str, **attributes: Any) -> str:
        """The same with a result of this name: an output that is computed right into the caller's own memory."""
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def declare(self, name: str, element_type: int, shape: Shape) -> None:
        """As an output what is already computed under this name."""
        self.outputs.append(helper.make_tensor_value_info(name, element_type, shape))

    def size(self, value: str, axis: int) -> str:
        """The length of one axis as a vector of one element, ready to be concatenated to a shape."""
        return self.call("Shape", value, start=axis, end=axis + 1)

    def open_ended(self, value: str, axes: int) -> str:
        """The same tensor of so many axes, its last one's size hidden from shape inference.

        Triton compares the shapes of outputs exactly: a size that config.pbtxt leaves open, because it differs from
        checkpoint to checkpoint, must not be known in the graph either.
        """
        sizes = self.call("Concat", self.call("Shape", value, end=axes - 1), self.ints(-1), axis=0)
        return self.call("Reshape", value, sizes)

    def count(self, length: str) -> str:
        """0, 1, … below a vector of one element, as INT64."""
        limit = self.call("Squeeze", length)
        return self.call("Range", self.constant(0, np.int64), limit, self.constant(1, np.int64))

    def body(self) -> onnx.GraphProto:
        """What is built so far, as the attribute of a node that runs it."""
        return helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.constants.values()))

    def model(self) -> onnx.ModelProto:
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIBUTED, 1)]
        model = helper.make_model(self.body(), opset_imports=opsets, ir_version=IR_VERSION)
        check(model)
        return model


def with_manifest(model: onnx.ModelProto, manifest: str) -> onnx.ModelProto:
    """The model with one more output: the manifest, a constant string once a row of the batch."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    add_manifest(result, manifest)
    check(result)
    return result


def add_manifest(model: onnx.ModelProto, manifest: str) -> None:
    """The same in place and unchecked, for a model whose weights lie in a file of their own."""
    graph = model.graph
    graph.initializer.append(helper.make_tensor("manifest", TensorProto.STRING, [1, 1], [manifest.encode()]))
    graph.node.extend(
        [
            helper.make_node("Shape", [graph.input[0].name], ["manifest_rows"], start=0, end=1),
            helper.make_node("ConstantOfShape", ["manifest_rows"], ["manifest_index"], value=_integer_zero()),
            helper.make_node("Gather", ["manifest", "manifest_index"], [MANIFEST], axis=0),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(MANIFEST, STRING, ["batch", 1]))


def check(model: onnx.ModelProto) -> None:
    """Of a model that protobuf cannot write in one piece (2 GB) nothing can be checked before it is loaded."""
    if size_bytes(model.graph) < LARGEST_BYTES:
        onnx.checker.check_model(model, full_check=True)


def size_bytes(graph: onnx.GraphProto) -> int:
    """Of the weights, those inside the bodies of loops and branches included."""
    inner = sum(size_bytes(each.g) for node in graph.node for each in node.attribute if each.HasField("g"))
    return inner + sum(len(tensor.raw_data) for tensor in graph.initializer)


def identity(weights: Mapping[str, NDArray[Any]], front_end: Mapping[str, Any]) -> str:
    """The same for the same weights and front end whatever the version number; what a voice template remembers."""
    digest = hashlib.sha256(json.dumps(front_end, sort_keys=True).encode())
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:IDENTITY_HEX_DIGITS]


def _integer_zero() -> Any:
    return helper.make_tensor("zero", TensorProto.INT64, [1], [0])
