"""What Prometheus sees of how full the machine is."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class LoadFigures:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._percent = Gauge(
            "gateway_full_percent", "How full the machine is; from 100 on nobody is let in", registry=registry
        )
        self._capacity = Gauge(
            "gateway_capacity_streams",
            "Streams that the machine carries as far as it was learned, 0 before",
            registry=registry,
        )
        self.refused = Counter(
            "gateway_full_refused", "Refused because the machine is full", ["kind"], registry=registry
        )

    def tell(self, percent: float, capacity_streams: float) -> None:
        self._percent.set(percent)
        self._capacity.set(capacity_streams)
