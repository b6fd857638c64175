"""How quick live text is, by the protocol that carries it; told at finals and at first words alone."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge, Histogram


class LiveFigures:
    def __init__(self, registry: CollectorRegistry, bounds: Sequence[float]) -> None:
        self.lag_seconds = Histogram(
            "gateway_live_lag_seconds",
            "Live audio that had arrived, and was due, beyond what a final's decision needed, when the final was told",
            ["protocol"],
            registry=registry,
            buckets=bounds,
        )
        self.first_text_seconds = Histogram(
            "gateway_live_first_text_seconds",
            "From an utterance's first sound having arrived to its first words being told",
            ["protocol"],
            registry=registry,
            buckets=bounds,
        )
        self.lagging = Gauge(
            "gateway_live_lagging", "Live streams whose last final came more than 2 s late", registry=registry
        )
