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
    *("gateway_exports_bytes", "gateway_free_bytes", "gateway_limit"),
)
# The fullest process is the next that refuses.
_MOST = ("gateway_full_percent",)
# Gauges to Prometheus, but what an ended process counted stays counted.
_GROWING = ("gateway_cpu_seconds",)
# Labels whose names come from clients or key files: each name costs series. So many have their own in each process, and
# in what is kept of all that have ended; the rest is the others'.
MOST_NAMES = {"machine_id": 32, "key": 64}
OTHER = "other"

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
        """What stays true of processes that have ended: whatever only grows, under no more names than one has."""
        kept = _kept_names(labels for family in self._families.values() for _, labels in family.samples)
        return _written(
            (name, family.documentation, family.kind, _folded(family.samples, kept))
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


def _kept_names(series: Iterable[_Labels]) -> dict[str, set[str]]:
    """The first of each label, those with a key before all: anybody can invent names, and has a quarter of the room."""
    kept: dict[str, set[str]] = {label: set() for label in MOST_NAMES}
    found = [
        (("status", "unauthorized") in labels, label, name)
        for labels in series
        for label, name in labels
        if label in kept and name not in ("", OTHER)
    ]
    for stranger, label, name in sorted(found, key=lambda each: each[0]):
        if len(kept[label]) < (MOST_NAMES[label] // 4 if stranger else MOST_NAMES[label]):
            kept[label].add(name)
    return kept


def _folded(samples: Mapping[tuple[str, _Labels], float], kept: Mapping[str, set[str]]) -> list[_Sample]:
    """Under names that are kept, or the others'."""
    folded: dict[tuple[str, _Labels], float] = {}
    for (sample, labels), value in samples.items():
        few = tuple((of, OTHER if name and name not in kept.get(of, {name}) else name) for of, name in labels)
        folded[sample, few] = folded.get((sample, few), 0.0) + value
    return [(*key, value) for key, value in folded.items()]


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
