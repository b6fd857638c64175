"""What Prometheus sees of one process. What each name means stands in docs/operations.md."""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from frontend.telemetry.cpu_load import Processors
from frontend.telemetry.endpoint_figures import EndpointFigures
from frontend.telemetry.hot import MessageCounts, ReplyTimes
from frontend.telemetry.joining import MOST_NAMES, OTHER, Joined, snapshot
from frontend.telemetry.live_figures import LiveFigures
from frontend.telemetry.load_figures import LoadFigures
from frontend.telemetry.pressure import Pressure

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128)


# Each costs some eighty lines of every scrape, in each process.
MOST_MACHINES = MOST_NAMES["machine_id"]


@dataclass(frozen=True)
class RequestEnded:
    """How a transcription request ended; without seconds of audio where there is no transcript."""

    machine_id: str
    task: str
    status: Literal["success", "error", "unauthorized"]
    audio_seconds: float | None = None
    postprocess_seconds: float | None = None


class ProtocolMetrics:
    """Those that every message of one protocol moves, bound to its labels once."""

    __slots__ = ("_messages", "observe_reply")

    def __init__(self, metrics: "Metrics", name: str) -> None:
        self._messages = {kind: metrics.messages.of(name, kind) for kind in ("text", "binary")}
        self.observe_reply = metrics.reply_seconds.of(name).observe

    def count_message(self, kind: str) -> None:
        self._messages[kind][0] += 1


class Metrics:
    """All figures of one gateway, as attributes that whoever counts is handed.

    They lie in a registry of their own, not in the process's global one, so that several gateways in one process, as
    tests have them, do not count together. `count` keeps the names that clients choose few.
    `snapshot` writes everything out, `value` reads one figure back.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._connections(self.registry)
        self._models(self.registry)
        self._exports(self.registry)
        self._requests(self.registry)
        self._process(self.registry)
        self.live = LiveFigures(self.registry, _SECONDS)
        self._bound: dict[str, ProtocolMetrics] = {}

    def of(self, protocol: str) -> ProtocolMetrics:
        if protocol not in self._bound:
            self._bound[protocol] = ProtocolMetrics(self, protocol)
        return self._bound[protocol]

    def _connections(self, registry: CollectorRegistry) -> None:
        self.connections = Gauge(
            "gateway_connections", "WebSocket connections open now", ["protocol"], registry=registry
        )
        self.accepted = Counter("gateway_accepted", "WebSocket connections accepted", ["protocol"], registry=registry)
        self.refused = Counter(
            "gateway_refused", "Upgrades refused, and requests refused at the door", ["reason"], registry=registry
        )
        self.limited = Counter(
            "gateway_limited", "Refused for a limit of a key or address", ["limit", "key"], registry=registry
        )
        self.messages = MessageCounts(registry)
        self.errors = Counter(
            "gateway_errors", "Errors told to clients, by their code", ["protocol", "code"], registry=registry
        )
        self.closed = Counter(
            "gateway_closed", "Connections ended, by close code", ["protocol", "close_code"], registry=registry
        )
        self.reply_seconds = ReplyTimes(registry, _SECONDS)
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
        self.model_provider = Gauge(
            "gateway_model_provider", "1 for what the model runs on", ["model", "provider"], registry=registry
        )
        self.endpoints = EndpointFigures(registry)
        self.load, self.pressure = LoadFigures(registry), Pressure()

    def _requests(self, registry: CollectorRegistry) -> None:
        """Of the transcription clients, under the names that their dashboards know."""
        labels = ["machine_id", "task"]
        self._machines: set[str] = set()
        self.asr_requests = Counter(
            "asr_requests", "Requests of /ws/transcribe that ended", [*labels, "status"], registry=registry
        )
        self.asr_audio_seconds = Counter("asr_audio_seconds", "Audio transcribed", labels, registry=registry)
        self.asr_processing_seconds = Histogram(
            "asr_processing_seconds",
            "From a recording's last byte to its result",
            labels,
            registry=registry,
            buckets=_SECONDS,
        )
        self.asr_postprocess_seconds = Histogram(
            "asr_postprocess_seconds", "Post-processing, where it ran", labels, registry=registry, buckets=_SECONDS
        )
        self.detections = Gauge("gateway_language_detections", "Language detections under way", registry=registry)
        self.detection_seconds: deque[float] = deque(maxlen=100)

    def count(self, request: RequestEnded, processing_seconds: float) -> None:
        labels = self._machine(request), request.task
        self.asr_requests.labels(*labels, request.status).inc()
        if request.audio_seconds is not None:
            self.asr_audio_seconds.labels(*labels).inc(request.audio_seconds)
            self.asr_processing_seconds.labels(*labels).observe(processing_seconds)
        if request.postprocess_seconds is not None:
            self.asr_postprocess_seconds.labels(*labels).observe(request.postprocess_seconds)

    def _machine(self, request: RequestEnded) -> str:
        """Clients choose it, so there is a bound: each one costs series for as long as the process lives.

        Most of the room is for those with a key: anybody can invent names.
        """
        most = MOST_MACHINES // 4 if request.status == "unauthorized" else MOST_MACHINES
        if request.machine_id in self._machines or len(self._machines) < most:
            self._machines.add(request.machine_id)
            return request.machine_id
        return OTHER

    def _exports(self, registry: CollectorRegistry) -> None:
        self.exports = Counter("gateway_exports", "Exports ended, recovered or refused", ["outcome"], registry=registry)
        self.exports_bytes = Gauge("gateway_exports_bytes", "What exports take in their directory", registry=registry)
        self.exports_waiting = Gauge(
            "gateway_exports_waiting", "Finished exports that are not in their store yet", registry=registry
        )
        self.exports_save_failures = Counter(
            "gateway_exports_save_failures", "Failed attempts to move an export into its store", registry=registry
        )

    def _process(self, registry: CollectorRegistry) -> None:
        self.held_bytes = Gauge("gateway_held_bytes", "Bytes held in memory for clients", registry=registry)
        self.spooled_bytes = Gauge("gateway_spooled_bytes", "Audio waiting in files for the models", registry=registry)
        self.media_jobs = Counter(
            "gateway_media_jobs", "Files decoded in worker processes, by outcome", ["outcome"], registry=registry
        )
        self.media_seconds = Histogram(
            "gateway_media_seconds", "Time a file took to decode", registry=registry, buckets=_SECONDS
        )
        self.free_bytes = Gauge("gateway_free_bytes", "Free on the disks it writes to", ["of"], registry=registry)
        self.loop_lag_seconds = Histogram(
            "gateway_loop_lag_seconds", "How late the event loop wakes a sleeper", registry=registry, buckets=_SECONDS
        )
        self.resident_bytes = Gauge(
            "gateway_resident_memory_bytes", "Resident memory of the gateway", registry=registry
        )
        self.resident_bytes.set_function(_resident_bytes)
        self.cpu_seconds = Gauge("gateway_cpu_seconds", "Processor time used so far", registry=registry)
        self.cpu_seconds.set_function(time.process_time)
        self.processors = Processors()
        self.descriptors = Gauge("gateway_open_descriptors", "Open files and sockets", registry=registry)
        self.descriptors.set_function(lambda: len(os.listdir("/proc/self/fd")))
        self.tasks = Gauge("gateway_tasks", "Tasks of the event loop", registry=registry)
        self.workers = Gauge("gateway_workers", "Processes that serve", registry=registry)
        self.workers.set(1)  # this one
        self.limits = Gauge("gateway_limit", "What there may be at most of what has a limit", ["of"], registry=registry)

    @contextlib.contextmanager
    def detection(self) -> Iterator[None]:
        """Around the analysis of one recording."""
        self.detections.inc()
        try:
            yield
        finally:
            self.detections.dec()

    def value(self, sample: str, labels: Mapping[str, str] = MappingProxyType({})) -> float:
        """The sum of a sample over the labels that are not given."""
        return Joined([self.snapshot()]).value(sample, labels)

    def snapshot(self) -> bytes:
        """All there is, to be joined with that of others; in a thread, for it takes milliseconds."""
        return snapshot(self.registry, self.detection_seconds)

    async def watch_loop(self, period_seconds: float = 0.1) -> None:
        """Measure the event loop's lag until cancelled."""
        loop = asyncio.get_running_loop()
        self.tasks.set_function(lambda: len(asyncio.all_tasks(loop)))
        while True:
            due = loop.time() + period_seconds
            await asyncio.sleep(period_seconds)
            lag_seconds = max(0.0, loop.time() - due)
            self.loop_lag_seconds.observe(lag_seconds)
            self.pressure.observe_loop(lag_seconds, period_seconds)


def _resident_bytes() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
