"""Many voice streams in real time, half endpoint detection and half summaries: latency, batches, and what it costs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.calibration.voices import SAMPLE_RATE, Samples
from tests.bench import bars, batches, material
from tests.bench.bare_model import BareModel
from tests.bench.batches import Batches
from tests.bench.processor_time import tree_seconds
from tests.bench.realtime import CHUNK_SECONDS, Outcome, Plan, speaking
from tests.bench.result import Figure, Result
from tests.bench.stage import REPOSITORY, Bench, progress
from tests.bench.wire import Endpoint, audio_frames

_TRACKS = 8
_TRACK_SECONDS = 20.0
_BATCHED_ROWS = 64
_REFERENCE_ROUNDS = 5


@dataclass(frozen=True)
class _Load:
    outcome: Outcome
    batches: Batches
    gateway_seconds: float
    triton_seconds: float


def measure(bench: Bench) -> Result:
    tracks = [material.track(number, _TRACK_SECONDS) for number in progress(range(_TRACKS), "speaking")]
    bare = BareModel(REPOSITORY)
    reference = _reference(bare, tracks)
    load = _load(bench, tracks)
    # Once more after the load: other work on the machine changes what a processor second is worth.
    single, batched = (statistics.median(pair) for pair in zip(reference, _reference(bare, tracks), strict=True))
    stream_seconds = bench.options.streams * bench.options.seconds
    figures = [
        *_latency_figures(load.outcome),
        *_cost_figures(load, stream_seconds, single, batched),
        Figure("rows in an execution of Triton", load.batches.rows / max(1, load.batches.executions), note="mean"),
        Figure("rows in a call of the gateway", load.batches.called_rows / max(1, load.batches.calls), note="mean"),
    ]
    _draw(bench, load)
    details = {"streams": bench.options.streams, "seconds": bench.options.seconds}
    return Result("streams", figures, details | {"triton_executions_by_rows": load.batches.by_size})


def endpoints(bench: Bench, count: int) -> list[Endpoint]:
    """Endpoint detection and summaries in turn."""
    port = bench.gateway.ports["voice"]
    detector = Endpoint(port, "/speech_endpoint_detector", ("200", "500", str(SAMPLE_RATE)))
    summary = Endpoint(port, "/speech_summary_stream", (str(SAMPLE_RATE),))
    return [detector if number % 2 else summary for number in range(count)]


def _reference(bare: BareModel, tracks: Sequence[Samples]) -> tuple[float, float]:
    """Processor seconds a stream-second: one stream at a time, and so many at once as one batch holds."""
    batch = [tracks[number % len(tracks)] for number in range(_BATCHED_ROWS)]
    batch = [np.roll(samples, number * SAMPLE_RATE)[: 2 * SAMPLE_RATE] for number, samples in enumerate(batch)]
    single = statistics.median(bare.seconds_per_stream_second([tracks[i]]) for i in range(_REFERENCE_ROUNDS))
    batched = statistics.median(bare.seconds_per_stream_second(batch) for _ in range(_REFERENCE_ROUNDS))
    return single, batched


def _load(bench: Bench, tracks: Sequence[Samples]) -> _Load:
    chunk_samples = round(CHUNK_SECONDS * SAMPLE_RATE)
    frames = [audio_frames(samples, chunk_samples) for samples in tracks]
    plan = Plan(endpoints(bench, bench.options.streams), frames, bench.options.seconds)
    with speaking(plan) as clients:
        before = batches.read(bench, "vad")
        gateway, triton = tree_seconds(bench.gateway.pid), tree_seconds(bench.triton.pid)
        outcome = clients.outcome()
        gateway, triton = tree_seconds(bench.gateway.pid) - gateway, tree_seconds(bench.triton.pid) - triton
        return _Load(outcome, batches.read(bench, "vad") - before, gateway, triton)


def _latency_figures(outcome: Outcome) -> list[Figure]:
    p50, p95, p99 = np.percentile(outcome.latency * 1000, [50, 95, 99])
    late = float(np.percentile(outcome.lateness * 1000, 99))
    return [
        Figure("reply p50", float(p50), "ms", note=f"of {len(outcome.latency)} replies"),
        Figure("reply p95", float(p95), "ms"),
        Figure("reply p99", float(p99), "ms", bars.REPLY_P99_MS, f"the client itself sent {late:.1f} ms late (p99)"),
        Figure("replies lost", outcome.lost, bar=bars.NONE),
        Figure("replies too many", outcome.extra, bar=bars.NONE),
        Figure("connections closed", outcome.closed, bar=bars.NONE),
    ]


def _cost_figures(load: _Load, stream_seconds: float, single: float, batched: float) -> list[Figure]:
    gateway, triton = load.gateway_seconds / stream_seconds, load.triton_seconds / stream_seconds
    return [
        Figure("bare ONNX Runtime, one by one", single * 1000, "ms", note="processor time a stream-second"),
        Figure("bare ONNX Runtime, ideal batch", batched * 1000, "ms", note=f"{_BATCHED_ROWS} streams in step"),
        Figure("gateway", gateway * 1000, "ms", note=f"{gateway / single:.2f} times bare, one by one"),
        Figure("Triton with its stubs", triton * 1000, "ms", note=f"{triton / single:.2f} times bare, one by one"),
        Figure("gateway + Triton to bare, one by one", (gateway + triton) / single, "times"),
        Figure("gateway + Triton to bare, ideal batch", (gateway + triton) / batched, "times"),
    ]


def _draw(bench: Bench, load: _Load) -> None:
    drawing = Drawing(figsize=(11, 4), layout="constrained")
    latency, sizes = drawing.subplots(1, 2)
    milliseconds = np.sort(load.outcome.latency * 1000)
    latency.plot(milliseconds, np.linspace(0, 100, len(milliseconds)))
    latency.axvline(bars.REPLY_P99_MS.limit, color="tab:red", linestyle="--", label="bar for p99")
    latency.set(xlabel="reply latency, ms", ylabel="replies, %", xscale="log")
    latency.set_title(f"{bench.options.streams} real-time streams, {bench.options.seconds:g} s")
    latency.legend()
    sizes.bar(list(load.batches.by_size), list(load.batches.by_size.values()), width=0.9)
    sizes.set(xlabel="streams in one execution", ylabel="executions", title="batches that Triton ran")
    drawing.savefig(bench.picture("streams"), dpi=120)
