"""A client that sends ten minutes of audio and reads nothing, then reads: all is there, and nobody else noticed.

One endpoint and one summary stream send as fast as they are taken, with reading stopped and a small receive buffer, so
that the replies wait in the gateway. A few clients in real time run all the while.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.calibration.voices import SAMPLE_RATE
from tests.bench import bars, material
from tests.bench.realtime import CHUNK_SECONDS, Outcome, Plan, speaking
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench
from tests.bench.streams import endpoints
from tests.bench.wire import Wire, audio_frames, connect

_AUDIO_SECONDS = 600
_TRACK_SECONDS = 20
_CHUNK_SAMPLES = round(CHUNK_SECONDS * SAMPLE_RATE)
_RECEIVE_BUFFER_BYTES = 16 << 10
_OTHERS = 4
_QUIET_SECONDS = 3.0  # of the others alone, before
_ANSWERING_SECONDS = 180.0
_STALLED_SECONDS = 10.0
_FRAME_MS = 30
_PARSED_EACH = 100  # the regular expression reads the rest
_SUMMARY = re.compile(rb'"total_length":([^,}]+).*"frames":\[([^]]*)\]')


@dataclass(frozen=True)
class _Moments:
    """On the system's monotonic clock."""

    began: float
    sent: float
    answered: float  # nothing was read until here
    read: float


@dataclass(frozen=True)
class _Unread:
    moments: _Moments
    endpoint: Sequence[bytes]
    summary_faults: Sequence[str]
    summaries: int
    held_bytes: float
    resident_bytes: float


def measure(bench: Bench) -> Result:
    tracks = [audio_frames(material.track(number, _TRACK_SECONDS), _CHUNK_SAMPLES) for number in range(_OTHERS)]
    with speaking(Plan(endpoints(bench, _OTHERS), tracks, 10 * _AUDIO_SECONDS)) as others:
        time.sleep(_QUIET_SECONDS)
        found = asyncio.run(_flood(bench, tracks[0]))
        outcome = others.outcome(now=True)
    expected = round(_AUDIO_SECONDS / CHUNK_SECONDS)
    faults = [*endpoint_faults(found.endpoint), *found.summary_faults]
    figures = [
        Figure("endpoint replies missing", expected - len(found.endpoint), bar=bars.NONE, note=f"of {expected}"),
        Figure("summary replies missing", expected - found.summaries, bar=bars.NONE, note=f"of {expected}"),
        Figure("replies wrong or out of order", len(faults), bar=bars.NONE, note="; ".join(faults[:2])),
        *_figures(found, outcome),
    ]
    _draw(bench, found.moments, outcome)
    return Result("unread", figures, {"audio_seconds": _AUDIO_SECONDS, "faults": faults[:20]})


async def _flood(bench: Bench, track: Sequence[bytes]) -> _Unread:
    before = _counted(bench)
    began = time.monotonic()
    wires = [await connect(endpoint, _RECEIVE_BUFFER_BYTES) for endpoint in endpoints(bench, 2)]
    for wire in wires:
        wire.transport.pause_reading()
    await asyncio.gather(*(_send(wire, track) for wire in wires))
    sent = time.monotonic()
    await _all_answered(bench, *before)
    answered = time.monotonic()
    held, resident = (bench.gateway.metric(f"gateway_{name}_bytes") for name in ("held", "resident_memory"))
    summary = SummaryReader()
    endpoint_replies = list[bytes]()
    wires[0].on_reply, wires[1].on_reply = summary.read, endpoint_replies.append
    for wire in wires:
        wire.transport.resume_reading()
    await _settled(lambda: summary.count + len(endpoint_replies))
    for wire in wires:
        wire.transport.abort()
    moments = _Moments(began, sent, answered, time.monotonic())
    return _Unread(moments, endpoint_replies, summary.faults, summary.count, held, resident)


async def _send(wire: Wire, track: Sequence[bytes]) -> None:
    for number in range(round(_AUDIO_SECONDS / CHUNK_SECONDS)):
        await wire.send(track[number % len(track)])


async def _all_answered(bench: Bench, messages_before: float, answers_before: float) -> None:
    """Until the gateway has the answers to all that was sent; only what the others just said may be open.

    What clients of before left without waiting for its answer stays open.
    """
    expected = messages_before + 2 * _AUDIO_SECONDS / CHUNK_SECONDS
    open_before = messages_before - answers_before
    deadline = time.monotonic() + _ANSWERING_SECONDS
    while time.monotonic() < deadline:
        messages, answers = await asyncio.to_thread(_counted, bench)
        if messages >= expected and messages - answers <= open_before + _OTHERS:
            return
        await asyncio.sleep(0.1)


def _counted(bench: Bench) -> tuple[float, float]:
    """(messages, answers) of the two protocols so far."""
    text = bench.gateway.get("/metrics")[1].decode()
    counted = [
        sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))
        for name in ("gateway_messages_total{", "gateway_reply_seconds_count{")
    ]
    return counted[0], counted[1]


async def _settled(count: Callable[[], int]) -> None:
    """Until no more replies come: either all are there, or nothing moved for a while."""
    expected, last, moved = 2 * round(_AUDIO_SECONDS / CHUNK_SECONDS), -1, time.monotonic()
    while count() < expected and time.monotonic() - moved < _STALLED_SECONDS:
        if count() != last:
            last, moved = count(), time.monotonic()
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)  # for replies too many


class SummaryReader:
    """Checks each summary against its place in the stream and against the one before."""

    def __init__(self) -> None:
        self.count = 0
        self.faults: list[str] = []
        self._flags = b""

    def read(self, reply: bytes) -> None:
        self.count += 1
        found = _SUMMARY.search(reply)
        if found is None:
            self.faults.append(f"reply {self.count} is no summary: {reply[:40]!r}")
            return
        seconds, flags = float(found[1]), found[2]
        frames = flags.count(b",") + bool(flags)
        if abs(seconds - self.count * CHUNK_SECONDS) > 1e-3:
            self.faults.append(f"reply {self.count} speaks of {seconds} s")
        if frames != self.count * round(CHUNK_SECONDS * 1000) // _FRAME_MS or not flags.startswith(self._flags):
            self.faults.append(f"reply {self.count} has {frames} frames, or others than the reply before")
        if self.count % _PARSED_EACH == 0 and len(json.loads(reply)["current_speech_summary"]) != 4:
            self.faults.append(f"reply {self.count} has another shape")
        self._flags = flags


def endpoint_faults(replies: Sequence[bytes]) -> list[str]:
    """False at first, true from some chunk on, nothing else; the track holds pauses, so the end must come."""
    faults = [
        f"reply {number} is {reply!r}" for number, reply in enumerate(replies) if reply not in (b"true", b"false")
    ]
    first = replies.index(b"true") if b"true" in replies else len(replies)
    if not 0 < first < len(replies) or b"false" in replies[first:]:
        faults.append(f"the utterance's end came with reply {first} of {len(replies)}, or was taken back")
    return faults


def _figures(found: _Unread, outcome: Outcome) -> list[Figure]:
    moments = found.moments
    phases = {
        "before": (0.0, moments.began),
        "during": (moments.began, moments.read),
        "while nothing is read": (moments.began, moments.answered),
        "while all is read": (moments.answered, moments.read),
    }
    latencies = {name: outcome.between(*phase) * 1000 for name, phase in phases.items()}
    p99 = {name: float(np.percentile(values, 99)) if len(values) else np.nan for name, values in latencies.items()}
    sending, answering = moments.sent - moments.began, moments.answered - moments.began
    faster = 2 * _AUDIO_SECONDS / answering
    return [
        Figure("others' p99, all the while", p99["during"], "ms", bars.REPLY_P99_MS, f"{_OTHERS} clients in real time"),
        Figure("others' p99, before", p99["before"], "ms"),
        Figure("others' p99, while nothing is read", p99["while nothing is read"], "ms"),
        Figure("others' p99, while all is read", p99["while all is read"], "ms"),
        Figure("others' replies lost", outcome.lost, bar=bars.NONE),
        Figure("sent within", sending, "s", note=f"{_AUDIO_SECONDS} s of audio on each of two sockets"),
        Figure("answered within", answering, "s", note=f"{faster:.0f} times real time, nothing read yet"),
        Figure("read within", moments.read - moments.answered, "s"),
        Figure("held for clients then", found.held_bytes / 1e6, "MB", note="of the gateway's budget"),
        Figure("gateway's memory then", found.resident_bytes / 1e6, "MB", note="resident"),
    ]


def _draw(bench: Bench, moments: _Moments, outcome: Outcome) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    axes.plot(outcome.sent_at - moments.began, outcome.latency * 1000, ".", markersize=3)
    axes.axhline(bars.REPLY_P99_MS.limit, color="tab:red", linestyle="--", label="bar for p99")
    for name in ("began", "sent", "answered", "read"):
        at = getattr(moments, name) - moments.began
        axes.axvline(at, color="grey", linewidth=0.8)
        axes.annotate(name, (at, 1.01), xycoords=("data", "axes fraction"), rotation=30, fontsize=8)
    axes.set(xlabel="s since the flood began", ylabel="the others' reply latency, ms", yscale="log")
    axes.legend()
    drawing.savefig(bench.picture("unread"), dpi=120)
