"""Whether a model's configuration and its graph agree, by the rules that NVIDIA's `onnxruntime` backend has at load.

Its words are kept, so that a log reads alike on both hosts. What it compares (onnxruntime.cc, ValidateInputs and
ValidateOutputs, unchanged from 24.10 to 2026): the number of inputs, names, types, and shapes. An input's size may be
open in the graph and fixed in the configuration, not the other way round; an output's must be the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OPEN = -1
Config = Mapping[str, Any]  # a model's configuration as Triton gives it in JSON
TYPES = {
    "bool": "BOOL", "uint8": "UINT8", "int8": "INT8", "uint16": "UINT16", "int16": "INT16", "uint32": "UINT32",
    "int32": "INT32", "uint64": "UINT64", "int64": "INT64", "float16": "FP16", "bfloat16": "BF16", "float": "FP32",
    "double": "FP64", "string": "STRING",
}  # fmt: skip
# The server's own name of a type where it differs from the configuration's.
SERVER_TYPES = {"STRING": "BYTES"}


@dataclass(frozen=True)
class Tensor:
    name: str
    kind: str  # as config.pbtxt has it, without TYPE_; empty: one that Triton does not know
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """What a graph takes and gives."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    overridable: Mapping[str, Tensor]  # initializers that a request may replace

    @classmethod
    def of(cls, session: Any) -> Signature:
        """As ONNX Runtime tells it: with the sizes that its shape inference found."""
        return cls(
            _tensors(session.get_inputs()),
            _tensors(session.get_outputs()),
            _tensors(session.get_overridable_initializers()),
        )


def _tensors(nodes: Iterable[Any]) -> dict[str, Tensor]:
    return {
        node.name: Tensor(
            node.name,
            TYPES.get(node.type.removeprefix("tensor(").removesuffix(")"), ""),
            tuple(size if isinstance(size, int) else OPEN for size in node.shape),
        )
        for node in nodes
    }


def disagreement(model: str, config: Config, graph: Signature) -> str | None:
    """Why the native backend would not load this model, in its words; None where it would."""
    batches = int(config.get("max_batch_size", 0)) > 0
    inputs, outputs = config.get("input", ()), config.get("output", ())
    needed = sum(not each.get("optional", False) for each in inputs)
    if needed != len(graph.inputs):
        return (
            f"unable to load model '{model}', configuration expects {needed} inputs, model provides {len(graph.inputs)}"
        )
    takes = {**graph.inputs, **graph.overridable}
    problems = [_input_problem(model, each, takes, batches) for each in inputs]
    problems += [_output_problem(model, each, graph.outputs, batches) for each in outputs]
    return next((problem for problem in problems if problem), None)


def _input_problem(model: str, stated: Config, graph: Mapping[str, Tensor], batches: bool) -> str | None:
    name, optional, ragged = stated["name"], stated.get("optional", False), stated.get("allow_ragged_batch", False)
    if optional and batches:
        return (
            f"unable to load model '{model}', optional input '{name}' is not supported for models that support batching"
        )
    problem = _known(model, stated, graph, "input")
    if problem or not ragged:
        return problem or _shape_problem(model, stated, graph[name].shape, (batches, False))
    start = f"unable to load model '{model}', configuration expects model provides input with shape [-1] "
    if optional:
        return f"{start}for ragged input '{name}', which is not supported for optional input"
    if graph[name].shape != (OPEN,):
        return f"{start} for ragged input '{name}', model provides {_text(graph[name].shape)}"
    return None


def _output_problem(model: str, stated: Config, graph: Mapping[str, Tensor], batches: bool) -> str | None:
    problem = _known(model, stated, graph, "output")
    return problem or _shape_problem(model, stated, graph[stated["name"]].shape, (batches, True))


def _known(model: str, stated: Config, graph: Mapping[str, Tensor], kind: str) -> str | None:
    name, wanted = stated["name"], str(stated["data_type"])
    if name not in graph:
        return f"unexpected inference {kind} '{name}', allowed {kind}s are: {', '.join(sorted(graph))}"
    if wanted.removeprefix("TYPE_") not in TYPES.values():
        return f"unsupported datatype {wanted} for {kind} '{name}' for model '{model}'"
    found = graph[name].kind
    if wanted != f"TYPE_{found}":
        return (
            f"unable to load model '{model}', configuration expects datatype {wanted} for {kind} '{name}', "
            f"model provides TYPE_{SERVER_TYPES.get(found, found) or '<invalid>'}"
        )
    return None


def _shape_problem(model: str, stated: Config, found: Sequence[int], how: tuple[bool, bool]) -> str | None:
    """`how`: whether the model batches, and whether sizes must be the same in both."""
    batches, exact = how
    name = stated["name"]
    dims = [int(size) for size in stated.get("reshape", stated).get("shape" if "reshape" in stated else "dims", ())]
    if not found:
        return _scalar_problem(model, name, dims)
    if batches and found[0] != OPEN:
        return (
            f"model '{model}', tensor '{name}': for the model to support batching the shape should have at least 1 "
            f"dimension and the first dimension must be -1; but shape expected by the model is {_text(found)}"
        )
    whole = [OPEN, *dims] if batches else dims
    same = len(found) == len(whole) and all(
        there == here or (there == OPEN and not exact) for there, here in zip(found, whole, strict=True)
    )
    if same:
        return None
    start = f"model '{model}', tensor '{name}': the model expects {len(found)} dimensions (shape {_text(found)}) but "
    if not batches:
        return f"{start}the model configuration specifies {len(whole)} dimensions (shape {_text(whole)})"
    return (
        f"{start}the model configuration specifies {len(whole)} dimensions (an initial batch dimension because "
        f"max_batch_size > 0 followed by the explicit tensor shape, making complete shape {_text(whole)})"
    )


def _scalar_problem(model: str, name: str, dims: Sequence[int]) -> str | None:
    if all(size == 1 for size in dims):
        return None
    return (
        f"unable to load model '{model}', scalar tensor '{name}', should only provide 1 in the model configuration "
        f"when the model doesn't support batching. Model configuration provided: {_text(dims)}."
    )


def _text(shape: Sequence[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
