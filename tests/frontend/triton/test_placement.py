"""What a model runs on, read from the configuration that Triton resolved."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2

from frontend.engines import Engine
from frontend.speech import Manifest
from frontend.telemetry.metrics import Metrics
from frontend.triton.placement import Placements, provider_of

KINDS = model_config_pb2.ModelInstanceGroup


def resolved(kinds: Sequence[Any], accelerator: str = "", backend: str = "onnxruntime") -> Any:
    config = model_config_pb2.ModelConfig(backend=backend)
    for kind in kinds:
        config.instance_group.add(kind=kind)
    if accelerator:
        config.optimization.execution_accelerators.gpu_execution_accelerator.add(name=accelerator)
    return config


@pytest.mark.parametrize(
    ("config", "provider"),
    [
        (resolved([KINDS.KIND_CPU]), "cpu"),
        (resolved([KINDS.KIND_CPU], "cuda"), "cpu"),
        (resolved([KINDS.KIND_GPU], "cuda"), "cuda"),
        (resolved([KINDS.KIND_GPU]), "cuda"),
        (resolved([KINDS.KIND_GPU], "tensorrt"), "tensorrt"),
        (resolved([KINDS.KIND_GPU], backend="tensorrt"), "tensorrt"),
        (resolved([KINDS.KIND_CPU, KINDS.KIND_GPU]), "cuda"),
    ],
)
def test_the_provider_is_what_the_instances_were_given(config: Any, provider: str) -> None:
    assert provider_of(config) == provider


class Told:
    """A Triton that says where each graph runs, and counts how often it is asked."""

    def __init__(self, providers: Mapping[str, str]) -> None:
        self.providers, self.asked = dict(providers), 0
        self.addresses: list[str] = ["one:1", "two:2"]

    async def provider(self, model: str, timeout_seconds: float, address: str) -> str:
        self.asked += 1
        return self.providers.get(address, self.providers[model])


def manifest(identity: str, *graphs: str) -> Manifest:
    engines = tuple(Engine(f"{graph} 1", ("en",), ("transcribe",)) for graph in graphs)
    return Manifest("asr", identity, engines=engines)


async def test_a_model_that_moves_leaves_one_figure_and_is_asked_once_a_version() -> None:
    metrics, told = Metrics(), Told({"asr": "unknown"})
    placements = Placements(told, metrics)
    for identity, provider in (("1", "unknown"), ("1", "cuda"), ("1", "cpu"), ("2", "cpu")):
        told.providers["asr"] = provider
        await placements.look("asr", manifest(identity), "one:1")
    assert told.asked == 3
    assert placements.known() == {"asr": "cpu"}
    (family,) = metrics.model_provider.collect()
    assert [(each.labels, each.value) for each in family.samples] == [({"model": "asr", "provider": "cpu"}, 1)]


async def test_a_model_runs_where_its_graphs_do() -> None:
    placements = Placements(Told({"moonshine": "cuda", "whisper": "cpu"}), Metrics())
    await placements.look("asr", manifest("1", "whisper", "moonshine"), "one:1")
    assert placements.known() == {"asr": "cpu+cuda"}


async def test_a_model_runs_where_each_triton_runs_it_for_as_long_as_there_is_one() -> None:
    told = Told({"asr": "cpu", "two:2": "cuda"})
    placements = Placements(told, Metrics())
    for address in told.addresses:
        await placements.look("asr", manifest("1"), address)
    assert placements.known() == {"asr": "cpu+cuda"}
    told.addresses.remove("two:2")
    await placements.look("asr", manifest("2"), "one:1")
    assert placements.known() == {"asr": "cpu"}
