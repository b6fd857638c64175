"""Each committed config.pbtxt agrees with the graph it serves, and follows the house's rules for both hosts."""

import importlib
from typing import Any

import onnx
import pytest
from tritonclient.grpc import model_config_pb2

from export.publishing.recipes import RECIPES
from tests.model_repository.served import served
from tests.triton_server import ROOT

# A mapping from names of both sides, so that nothing here depends on the numbers of either enumeration.
TRITON_TYPES = {"INT16": "TYPE_INT16", "INT32": "TYPE_INT32", "FLOAT": "TYPE_FP32", "STRING": "TYPE_STRING"}
text_format: Any = importlib.import_module("google.protobuf.text_format")  # publishes no types
Tensors = dict[str, tuple[str, list[int]]]


@pytest.fixture(params=[*sorted(RECIPES), "whisper"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(model: str) -> Any:
    text = (ROOT / "model_repository" / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def configured(tensors: Any) -> Tensors:
    return {each.name: (model_config_pb2.DataType.Name(each.data_type), list(each.dims)) for each in tensors}


def in_graph(values: Any) -> Tensors:
    """Names, types and dimensions behind the batch axis, which must be a free one."""
    found: Tensors = {}
    for value in values:
        batch, *dims = value.type.tensor_type.shape.dim
        assert batch.dim_param == "batch"
        kind = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        found[value.name] = (TRITON_TYPES[kind], [-1 if each.dim_param else each.dim_value for each in dims])
    return found


def test_tensors_are_those_of_the_graph(config: Any, model: str) -> None:
    graph = onnx.load(served(model).model_path).graph
    for tensors, values in ((config.input, graph.input), (config.output, graph.output)):
        stated, found = configured(tensors), in_graph(values)
        assert {name: (kind, as_stated(sizes, stated[name][1])) for name, (kind, sizes) in found.items()} == stated


def as_stated(sizes: list[int], stated: list[int]) -> list[int]:
    """A size that the configuration leaves open may be fixed in a version's graph."""
    return [-1 if open_size == -1 else size for size, open_size in zip(sizes, stated, strict=True)]


def test_it_is_complete_and_serves_on_both_hosts(config: Any, model: str) -> None:
    assert (config.name, config.backend) == (model, "onnxruntime")
    assert config.max_batch_size == {"vad": 64}.get(model, 16)
    assert 0 < config.dynamic_batching.max_queue_delay_microseconds <= 5_000
    assert [group.count for group in config.instance_group] == [1]
    assert config.instance_group[0].Kind.Name(config.instance_group[0].kind) in ("KIND_AUTO", "KIND_CPU")
    assert config.parameters["intra_op_thread_count"].string_value == "1"


def test_its_warm_up_gives_every_input(config: Any) -> None:
    assert config.model_warmup
    for sample in config.model_warmup:
        assert 1 <= sample.batch_size <= config.max_batch_size
        for tensor in config.input:
            given = sample.inputs[tensor.name]
            assert given.zero_data
            assert given.data_type == tensor.data_type
            assert [a for a, b in zip(given.dims, tensor.dims, strict=True) if b not in (-1, a)] == []


def test_its_head_documents_every_tensor(model: str, config: Any) -> None:
    head = (ROOT / "model_repository" / model / "config.pbtxt").read_text().partition("\nname:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert all(f"#   {tensor.name} " in head for tensor in [*config.input, *config.output])
