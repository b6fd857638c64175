"""Figures that every message moves, by the event loop alone: no locks, for a fifth of what the library's own take.

Prometheus' library reads them when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class MessageCounts(Collector):
    """Messages by protocol and kind; each is a list of one number, which whoever counts adds to."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}
        registry.register(self)

    def of(self, protocol: str, kind: str) -> list[int]:
        return self._counts.setdefault((protocol, kind), [0])

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily("gateway_messages", "Messages received from clients", labels=["protocol", "kind"])
        for labels, (count,) in list(self._counts.items()):
            family.add_metric(labels, count)
        yield family


class Times:
    """How long something took, of one protocol."""

    __slots__ = ("_bounds", "counts", "total_seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total_seconds += seconds


class ReplyTimes(Collector):
    def __init__(self, registry: CollectorRegistry, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._times: dict[str, Times] = {}
        registry.register(self)

    def of(self, protocol: str) -> Times:
        return self._times.setdefault(protocol, Times(self._bounds))

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(
            "gateway_reply_seconds", "From a message's arrival to its reply being ready to send", labels=["protocol"]
        )
        bounds = [*map(repr, map(float, self._bounds)), "+Inf"]
        for protocol, times in list(self._times.items()):
            counts, below = list(times.counts), 0
            buckets = [(bound, below := below + count) for bound, count in zip(bounds, counts, strict=True)]
            family.add_metric([protocol], buckets, times.total_seconds)
        yield family
