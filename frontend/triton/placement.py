"""What a model runs on, as Triton resolved its configuration: left to itself it may take the CPU without a word."""

from typing import Any

from tritonclient.grpc import model_config_pb2

from frontend.telemetry.metrics import Metrics

UNKNOWN, CPU, CUDA, TENSORRT = "unknown", "cpu", "cuda", "tensorrt"
_ON_CPU = model_config_pb2.ModelInstanceGroup.KIND_CPU


def provider_of(config: Any) -> str:
    """The execution provider behind a ModelConfig."""
    if all(group.kind == _ON_CPU for group in config.instance_group):
        return CPU
    accelerators = config.optimization.execution_accelerators.gpu_execution_accelerator
    if config.backend == TENSORRT or any(each.name == TENSORRT for each in accelerators):
        return TENSORRT
    return CUDA


class Placements:
    """The provider of each model, as far as it is known."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._known: dict[str, str] = {}

    def note(self, model: str, provider: str) -> None:
        before = self._known.get(model)
        if before not in (None, provider):
            self._metrics.model_provider.remove(model, before)
        self._known[model] = provider
        self._metrics.model_provider.labels(model, provider).set(1)

    def known(self) -> dict[str, str]:
        return dict(self._known)
