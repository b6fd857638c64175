"""A client that sends 64 MiB frames back to back: the event loop hardly notices, and nobody else does.

The frames are `file` messages of whisper: garbage that no decoder takes, half an hour of silence as a WAV, and JSON
that is deep or wide. A few voice clients speak in real time, before and meanwhile.
"""

import asyncio
import base64
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.calibration.voices import SAMPLE_RATE
from tests.bench import bars, material
from tests.bench.realtime import CHUNK_SECONDS, Outcome, Plan, speaking
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench
from tests.bench.streams import endpoints
from tests.bench.wire import TEXT, Endpoint, audio_frames, connect, frame
from tests.sounds import wav

_FRAME_BYTES = 64 << 20
_OTHERS = 4
_QUIET_SECONDS = 10.0
_FLOOD_SECONDS = 30.0
_AT_ONCE = 2  # frames that are not answered yet: the next is on its way while one is worked on
_LAG = re.compile(r'gateway_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)')


@dataclass(frozen=True)
class _Flood:
    began: float
    ended: float
    replies: Sequence[bytes]
    lag_p99_seconds: float
    held_bytes: float


def measure(bench: Bench) -> Result:
    track_seconds = 20
    chunk_samples = round(CHUNK_SECONDS * SAMPLE_RATE)
    tracks = [audio_frames(material.track(number, track_seconds), chunk_samples) for number in range(_OTHERS)]
    figures: list[Figure] = []
    with speaking(Plan(endpoints(bench, _OTHERS), tracks, 3600)) as others:
        lags = _lags(bench)
        time.sleep(_QUIET_SECONDS)
        quiet_lag = _p99_of(lags, _lags(bench))
        floods = {name: asyncio.run(_flood(bench, data)) for name, data in messages().items()}
        outcome = others.outcome(now=True)
    before = _p99_ms(outcome, 0, next(iter(floods.values())).began)
    figures.append(Figure("others' p99, before", before, "ms"))
    figures.append(Figure("loop lag p99, before", quiet_lag * 1000, "ms", note="what else the machine does shows here"))
    for name, flood in floods.items():
        more = _p99_ms(outcome, flood.began, flood.ended) - before
        figures += [
            Figure(f"{name}: loop lag p99", flood.lag_p99_seconds * 1000, "ms", bars.LOOP_LAG_P99_MS),
            Figure(f"{name}: others' p99 over before", more, "ms", bars.OTHERS_P99_OVER_MS),
            Figure(f"{name}: frames answered", len(flood.replies), note=f"in {flood.ended - flood.began:.0f} s"),
            Figure(f"{name}: held for clients at most", flood.held_bytes / 1e6, "MB"),
        ]
    figures.append(Figure("others' replies lost", outcome.lost, bar=bars.NONE))
    _draw(bench, floods, outcome)
    return Result("frames", figures)


def messages() -> dict[str, bytes]:
    """64 MiB each, a little less."""
    room = _FRAME_BYTES - 100
    silence = wav(np.zeros(SAMPLE_RATE * 60 * 26, np.int16))
    return {
        "garbage": _file(os.urandom(room * 3 // 4 - 3)),
        "a long WAV": _file(silence),
        "deep JSON": b"[" * room,
        "wide JSON": b'{"type": "file", "audio": [' + b"0," * ((room - 40) // 2) + b"0]}",
    }


def _file(data: bytes) -> bytes:
    return json.dumps({"type": "file", "format": "wav", "audio": base64.b64encode(data).decode()}).encode()


async def _flood(bench: Bench, message: bytes) -> _Flood:
    data = frame(TEXT, message)
    wire = await connect(Endpoint(bench.gateway.ports["whisper"], "/"))
    lags_before = _lags(bench)
    began, sent, held = time.monotonic(), 0, 0.0
    replies: list[bytes] = []
    wire.on_reply = replies.append
    while time.monotonic() - began < _FLOOD_SECONDS:
        if sent - len(replies) < _AT_ONCE:
            await wire.send(data)
            sent += 1
        await asyncio.sleep(0.05)
        held = max(held, await asyncio.to_thread(bench.gateway.metric, "gateway_held_bytes"))
    ended = time.monotonic()
    lag = _p99_of(lags_before, _lags(bench))
    wire.transport.abort()
    return _Flood(began, ended, replies, lag, held)


def _lags(bench: Bench) -> list[tuple[float, float]]:
    text = bench.gateway.get("/metrics")[1].decode()
    return [(float(limit), float(count)) for limit, count in _LAG.findall(text)]


def _p99_of(before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]]) -> float:
    """The upper end of the bucket in which it lies."""
    counts = [(limit, count - old) for (limit, count), (_, old) in zip(after, before, strict=True)]
    total = counts[-1][1]
    return next(limit for limit, count in counts if count >= 0.99 * total)


def _p99_ms(outcome: Outcome, start: float, end: float) -> float:
    latencies = outcome.between(start, end)
    return float(np.percentile(latencies, 99)) * 1000 if len(latencies) else np.nan


def _draw(bench: Bench, floods: "dict[str, _Flood]", outcome: Outcome) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    start = next(iter(floods.values())).began
    axes.plot(outcome.sent_at - start, outcome.latency * 1000, ".", markersize=3)
    for name, flood in floods.items():
        axes.axvline(flood.began - start, color="grey", linewidth=0.8)
        axes.annotate(name, (flood.began - start, 1.01), xycoords=("data", "axes fraction"), fontsize=8)
    axes.set(xlabel="s since the first flood began", ylabel="the others' reply latency, ms", yscale="log")
    drawing.savefig(bench.picture("frames"), dpi=120)
