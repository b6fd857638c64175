"""What Prometheus sees. One registry a gateway, handed to whoever counts; names and meanings stand in the README."""

import asyncio
import os
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._connections(self.registry)
        self._models(self.registry)
        self._process(self.registry)

    def _connections(self, registry: CollectorRegistry) -> None:
        self.connections = Gauge(
            "gateway_connections", "WebSocket connections open now", ["protocol"], registry=registry
        )
        self.accepted = Counter("gateway_accepted", "WebSocket connections accepted", ["protocol"], registry=registry)
        self.refused = Counter("gateway_refused", "WebSocket upgrades refused", ["reason"], registry=registry)
        self.messages = Counter(
            "gateway_messages", "Messages received from clients", ["protocol", "kind"], registry=registry
        )
        self.errors = Counter(
            "gateway_errors", "Errors told to clients, by their code", ["protocol", "code"], registry=registry
        )
        self.closed = Counter(
            "gateway_closed", "Connections ended, by close code", ["protocol", "close_code"], registry=registry
        )
        self.reply_seconds = Histogram(
            "gateway_reply_seconds",
            "From a message's arrival to its reply being ready to send",
            ["protocol"],
            registry=registry,
            buckets=_SECONDS,
        )
        self.requests = Counter(
            "gateway_http_requests", "REST requests answered", ["path", "status"], registry=registry
        )

    def _models(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "gateway_triton_calls", "Attempts to call Triton, by outcome", ["model", "outcome"], registry=registry
        )
        self.call_seconds = Histogram(
            "gateway_triton_call_seconds", "Time of answered calls", ["model"], registry=registry, buckets=_SECONDS
        )
        self.in_flight = Gauge(
            "gateway_triton_in_flight", "Calls under way, abandoned ones included", ["model"], registry=registry
        )
        self.batch_rows = Histogram(
            "gateway_batch_rows", "Streams joined in one call", ["model"], registry=registry, buckets=_ROWS
        )
        self.batch_wait_seconds = Histogram(
            "gateway_batch_wait_seconds",
            "Time a stream's call waited to be sent",
            ["model"],
            registry=registry,
            buckets=_SECONDS,
        )
        self.model_ready = Gauge(
            "gateway_model_ready",
            "1 while the last inference through the model succeeded",
            ["model"],
            registry=registry,
        )

    def _process(self, registry: CollectorRegistry) -> None:
        self.held_bytes = Gauge("gateway_held_bytes", "Bytes held in memory for clients", registry=registry)
        self.spooled_bytes = Gauge("gateway_spooled_bytes", "Audio waiting in files for the models", registry=registry)
        self.media_jobs = Counter(
            "gateway_media_jobs", "Files decoded in worker processes, by outcome", ["outcome"], registry=registry
        )
        self.loop_lag_seconds = Histogram(
            "gateway_loop_lag_seconds", "How late the event loop wakes a sleeper", registry=registry, buckets=_SECONDS
        )
        self.resident_bytes = Gauge(
            "gateway_resident_memory_bytes", "Resident memory of the gateway", registry=registry
        )
        self.resident_bytes.set_function(_resident_bytes)
        self.cpu_seconds = Gauge("gateway_cpu_seconds", "Processor time used so far", registry=registry)
        self.cpu_seconds.set_function(time.process_time)

    def render(self) -> bytes:
        return generate_latest(self.registry)

    async def watch_loop(self, period_seconds: float = 0.1) -> None:
        """Measure the event loop's lag until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + period_seconds
            await asyncio.sleep(period_seconds)
            self.loop_lag_seconds.observe(max(0.0, loop.time() - due))


def _resident_bytes() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
