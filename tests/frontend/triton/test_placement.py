"""What a model runs on, read from the configuration that Triton resolved."""

from collections.abc import Sequence
from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2

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


def test_a_model_that_moves_leaves_one_figure() -> None:
    metrics = Metrics()
    placements = Placements(metrics)
    for provider in ("unknown", "cuda", "cuda", "cpu"):
        placements.note("asr", provider)
    assert placements.known() == {"asr": "cpu"}
    (family,) = metrics.model_provider.collect()
    assert [(each.labels, each.value) for each in family.samples] == [({"model": "asr", "provider": "cpu"}, 1)]
