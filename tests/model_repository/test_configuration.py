"""Each committed config.pbtxt agrees with the graph it serves, and follows the house's rules for both hosts."""

import importlib
from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2

from docker.triton import configuration
from export.graphs.runtime import Runner
from export.publishing import agreement
from export.publishing.recipes import RECIPES
from frontend.triton.tensors import AsrContract
from tests.model_repository.served import served
from tests.triton_server import ROOT

# Neither publishes types.
text_format: Any = importlib.import_module("google.protobuf.text_format")
json_format: Any = importlib.import_module("google.protobuf.json_format")

# Their callers bring whole batches: Triton's batcher would only look, without a pause, whether another goes along.
WITHIN_ASR = ("ctc", "moonshine", "whisper")
SERVED = (*sorted(RECIPES), "whisper")


@pytest.fixture(params=[*SERVED, "ctc"])  # the last is served with weights of one's own alone
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(model: str) -> Any:
    text = (ROOT / "model_repository" / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize("model", SERVED)
def test_triton_would_load_the_graph_with_it(model: str) -> None:
    path = served(model).model_path
    agreement.check(model, path, Runner(path).signature())


def test_it_is_read_as_triton_reads_it(model: str, config: Any) -> None:
    read = configuration.read(ROOT / "model_repository" / model / "config.pbtxt")
    expected = json_format.MessageToDict(config, preserving_proto_field_name=True)
    assert as_text(read) == as_text(expected)  # protobuf makes strings of large numbers


def as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: as_text(each) for name, each in value.items()}
    return [as_text(each) for each in value] if isinstance(value, list) else str(value)


def test_it_is_complete_and_serves_on_both_hosts(config: Any, model: str) -> None:
    assert (config.name, config.backend) == (model, "onnxruntime")
    assert config.max_batch_size == {"vad": 64}.get(model, 16)
    assert config.HasField("dynamic_batching") == (model not in WITHIN_ASR)
    assert (0 < config.dynamic_batching.max_queue_delay_microseconds <= 5_000) == (model not in WITHIN_ASR)
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


def test_the_warm_up_of_asr_shares_batches_with_what_the_gateway_asks() -> None:
    text = (ROOT / "model_repository" / "asr" / "config.pbtxt").read_text()
    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    asked = AsrContract().inputs([AsrContract.probe], len(AsrContract.probe.samples))
    assert [set(sample.inputs) for sample in config.model_warmup] == [set(asked)]
    assert set(asked) == {tensor.name for tensor in config.input}
