"""What a model runs on, as Triton resolved its configuration: left to itself it may take the CPU without a word."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from tritonclient.grpc import model_config_pb2

from frontend.speech import Manifest
from frontend.telemetry.metrics import Metrics

_SECONDS = 5.0
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


class Asked(Protocol):
    """Who is asked: Triton's client."""

    @property
    def addresses(self) -> Sequence[str]: ...

    async def provider(self, model: str, timeout_seconds: float, address: str) -> str: ...


class Placements:
    """The provider of each model, as far as it is known: of all Tritons and graphs that compute for it."""

    def __init__(self, client: Asked, metrics: Metrics) -> None:
        self._client, self._metrics = client, metrics
        self._known: dict[str, str] = {}
        self._found: dict[tuple[str, str], set[str]] = {}
        self._identities: dict[tuple[str, str], str] = {}

    async def look(self, model: str, manifest: Manifest, address: str) -> None:
        """Once a version: a model is not moved while it serves."""
        place = model, address
        if self._identities.get(place) == manifest.identity:
            return
        graphs = sorted({engine.name.partition(" ")[0] for engine in manifest.engines} - {""}) or [model]
        found = await asyncio.gather(*(self._client.provider(graph, _SECONDS, address) for graph in graphs))
        self._found[place] = set(found)
        there = self._client.addresses
        self._found = {each: providers for each, providers in self._found.items() if each[1] in there}
        self._identities = {each: identity for each, identity in self._identities.items() if each[1] in there}
        self._note(model, "+".join(sorted(set().union(*(each for at, each in self._found.items() if at[0] == model)))))
        if UNKNOWN not in found:
            self._identities[place] = manifest.identity

    def _note(self, model: str, provider: str) -> None:
        before = self._known.get(model)
        if before not in (None, provider):
            self._metrics.model_provider.remove(model, before)
        self._known[model] = provider
        self._metrics.model_provider.labels(model, provider).set(1)

    def known(self) -> dict[str, str]:
        return dict(self._known)
