"""Clients that speak in real time, many at once, in a process of their own: how long each reply takes.

One loop sends for all of them, by the clock and whether or not replies came, so a slow server is not spared. Latency
runs from the chunk's hand-over to the kernel to its reply's last byte.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from tests.bench.wire import Endpoint, Wire, connect

CHUNK_SECONDS = 0.1
_LAST_REPLY_SECONDS = 10.0
_EXTRA_REPLY_SECONDS = 0.5
_LOOK_SECONDS = 0.02
Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Who speaks, what, and for how long at most; each stream repeats one of the tracks, from a place of its own."""

    endpoints: Sequence[Endpoint]
    tracks: Sequence[Sequence[bytes]]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """Of all streams together; `sent_at` is the system's monotonic clock."""

    sent_at: Seconds
    latency: Seconds
    lateness: Seconds  # of the sending, which is the client's own fault
    lost: int
    extra: int
    closed: int

    def between(self, start: float, end: float) -> Seconds:
        """The latencies of the chunks sent in this time."""
        return self.latency[(self.sent_at >= start) & (self.sent_at < end)]


@dataclass
class _Stream:
    wire: Wire
    track: Sequence[bytes]
    offset: int
    sent: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wire.on_reply = lambda _: self.answered.append(time.monotonic())

    def speak(self) -> None:
        chunk = self.track[(self.offset + len(self.sent)) % len(self.track)]
        self.sent.append(time.monotonic())
        self.wire.transport.write(chunk)


class Speaking:
    """The clients, as the process that started them sees them."""

    def __init__(self, connection: "Connection[str, Outcome]") -> None:
        self._connection = connection

    def outcome(self, *, now: bool = False) -> Outcome:
        """Wait until the plan is through, or end it now."""
        if now:
            self._connection.send("enough")
        return self._connection.recv()


@contextlib.contextmanager
def speaking(plan: Plan) -> Iterator[Speaking]:
    """The clients are connected and speak inside the block."""
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe()
    process = spawning.Process(target=_run, args=(plan, there))
    process.start()
    there.close()  # so that a client that dies is noticed
    try:
        here.recv()
        yield Speaking(here)
    finally:
        process.terminate()
        process.join()


def _run(plan: Plan, parent: "Connection[object, str]") -> None:
    asyncio.run(_speak(plan, parent))


async def _speak(plan: Plan, parent: "Connection[object, str]") -> None:
    streams = []
    for number, endpoint in enumerate(plan.endpoints):
        track = plan.tracks[number % len(plan.tracks)]
        streams.append(_Stream(await connect(endpoint), track, number * 7))
    parent.send("speaking")
    lateness = await _send_by_the_clock(streams, plan.seconds, parent)
    await _await_replies(streams)
    parent.send(_outcome(streams, lateness))
    for stream in streams:
        stream.wire.transport.abort()


async def _send_by_the_clock(
    streams: Sequence[_Stream], seconds: float, parent: "Connection[object, str]"
) -> list[float]:
    """The streams' phases are spread evenly over the chunk's length."""
    start = time.monotonic()
    lateness = []
    for turn in range(round(seconds / CHUNK_SECONDS)):
        if parent.poll():
            break
        for number, stream in enumerate(streams):
            due = start + (turn + number / len(streams)) * CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            stream.speak()
            lateness.append(stream.sent[-1] - due)
    return lateness


async def _await_replies(streams: Sequence[_Stream]) -> None:
    for _ in range(round(_LAST_REPLY_SECONDS / _LOOK_SECONDS)):
        if all(len(stream.answered) >= len(stream.sent) for stream in streams):
            break
        await asyncio.sleep(_LOOK_SECONDS)
    await asyncio.sleep(_EXTRA_REPLY_SECONDS)


def _outcome(streams: Sequence[_Stream], lateness: Sequence[float]) -> Outcome:
    pairs = [pair for stream in streams for pair in zip(stream.sent, stream.answered, strict=False)]
    sent_at, answered_at = np.array(pairs).reshape(-1, 2).T
    return Outcome(
        sent_at=sent_at,
        latency=answered_at - sent_at,
        lateness=np.array(lateness),
        lost=sum(max(0, len(stream.sent) - len(stream.answered)) for stream in streams),
        extra=sum(max(0, len(stream.answered) - len(stream.sent)) for stream in streams),
        closed=sum(stream.wire.close_code is not None or stream.wire.transport.is_closing() for stream in streams),
    )
