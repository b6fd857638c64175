"""What several processes counted, as one: counters and histograms summed, most gauges too."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.samples import Sample

# Of these a sum says nothing: a model is ready where it is for every process, limits and the directory are the same for
# all.
_LEAST = (
    *("gateway_model_ready", "gateway_model_provider", "gateway_endpoint_ready"),
    *("gateway_exports_bytes", "gateway_limit"),
)
# The fullest process is the next that refuses.
_MOST = ("gateway_full_percent",)
# Gauges to Prometheus, but what an ended process counted stays counted.
_GROWING = ("gateway_cpu_seconds",)

_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[str, _Labels, float]


@dataclass
class _Family:
    documentation: str
    kind: str
    samples: dict[tuple[str, _Labels], float] = field(default_factory=dict)


class Joined:
    """The figures of several processes, each as `snapshot` wrote them. A registry to Prometheus' library."""

    def __init__(self, snapshots: Iterable[bytes]) -> None:
        self._families: dict[str, _Family] = {}
        # Of the last language detections: their number and the time of all.
        self.detections, self.detection_seconds = 0, 0.0
        for snapshot in snapshots:
            self._add(json.loads(snapshot))

    def collect(self) -> Iterable[Metric]:
        for name, family in self._families.items():
            metric = Metric(name, family.documentation, family.kind)
            metric.samples = [Sample(sample, dict(of), value) for (sample, of), value in family.samples.items()]
            yield metric

    def value(self, sample: str, labels: Mapping[str, str] = MappingProxyType({})) -> float:
        """The sum of a sample over the labels that are not given."""
        samples = (item for family in self._families.values() for item in family.samples.items())
        return sum(value for (name, of), value in samples if name == sample and labels.items() <= dict(of).items())

    def rendered(self) -> bytes:
        return generate_latest(self)

    def of_ended(self) -> bytes:
        """What stays true of processes that have ended: whatever only grows."""
        return _written(
            (name, family.documentation, family.kind, [(*key, value) for key, value in family.samples.items()])
            for name, family in self._families.items()
            if family.kind in ("counter", "histogram") or name in _GROWING
        )

    def _add(self, content: Mapping[str, Any]) -> None:
        for name, documentation, kind, samples in content["families"]:
            family = self._families.setdefault(name, _Family(documentation, kind))
            for sample, labels, value in samples:
                key = sample, tuple(map(tuple, labels))
                known = family.samples.get(key)
                if known is not None:
                    value = _one(name, known, value)
                family.samples[key] = value
        self.detections += len(content["detection_seconds"])
        self.detection_seconds += sum(content["detection_seconds"])


def _one(name: str, known: float, value: float) -> float:
    if name in _MOST:
        return max(known, value)
    return min(known, value) if name in _LEAST else known + value


def snapshot(registry: CollectorRegistry, detection_seconds: Iterable[float]) -> bytes:
    """What this process has counted."""
    return _written(
        (
            (family.name, family.documentation, family.type, [_plain(each) for each in family.samples if _says(each)])
            for family in registry.collect()
        ),
        detection_seconds,
    )


def _written(families: Iterable[tuple[str, str, str, list[_Sample]]], detection_seconds: Iterable[float] = ()) -> bytes:
    content = {"families": list(families), "detection_seconds": list(detection_seconds)}
    return json.dumps(content, separators=(",", ":")).encode()


def _plain(sample: Sample) -> _Sample:
    return sample.name, tuple(sample.labels.items()), sample.value


def _says(sample: Sample) -> bool:
    """When a series began, nobody asks, and it takes a line of each."""
    return not sample.name.endswith("_created")
