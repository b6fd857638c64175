"""What Prometheus sees of each Triton, for as long as there is one at its address."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge


class EndpointFigures:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._ready = Gauge(
            "gateway_endpoint_ready",
            "1 while calls of the model go to this Triton",
            ["endpoint", "model"],
            registry=registry,
        )
        self._rows = Gauge("gateway_endpoint_rows", "Rows under way at this Triton", ["endpoint"], registry=registry)
        self.left = Counter(
            "gateway_endpoint_left", "Calls that left a Triton which hangs for another", registry=registry
        )

    def begin(self, address: str, rows: Callable[[], float]) -> None:
        self._rows.labels(address).set_function(rows)

    def serves(self, address: str, model: str, serves: bool) -> None:
        self._ready.labels(address, model).set(serves)

    def end(self, address: str, models: Iterable[str]) -> None:
        self._rows.remove(address)
        for model in models:
            self._ready.remove(address, model)
