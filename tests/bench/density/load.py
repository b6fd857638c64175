"""Many streams in real time from one process that costs little: what they cost other processes, how soon those answer.

One loop over epoll sends by the clock, whether or not replies came, and notes when it was late itself. The watched
processes are read in the same loop, at the first and at the last message that counts.
"""

import contextlib
import multiprocessing
import os
import select
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from frontend.speech import RATE
from tests.bench.density.stream import Door, Stream
from tests.bench.processor_time import process_seconds, resident_bytes
from tests.bench.wire import audio_frames
from tests.gateway_server import GatewayAddress

_NOISE_LEVEL = 30  # of 32768: no model takes it for speech
_NOISE_SECONDS = 20
_WARM_UP_SECONDS = 2.0
_LAST_REPLY_SECONDS = 20.0
_EXTRA_REPLY_SECONDS = 0.3
Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """Who speaks where, how often, and which processes are watched meanwhile."""

    doors: Sequence[Door]
    message_ms: int
    seconds: float
    watched_pids: Sequence[int]
    answered: bool = True  # whether each message has its reply
    core: int | None = None  # the one that the load keeps to
    holder: GatewayAddress | None = None  # asked how much it holds for all of them while they speak


@dataclass(frozen=True)
class Resident:
    """Bytes of memory before the first stream, with all connected and quiet, and while all speak; and how many of these
    are what clients sent, as the gateway counts it."""

    before: int
    connected: int
    speaking: int
    held: float


@dataclass(frozen=True)
class Outcome:
    """Of the time that counts, all streams together."""

    stream_seconds: float
    busy_seconds: Sequence[float]  # processor time of each watched process
    resident: Resident  # of the watched processes
    latency: Seconds
    lateness: Seconds  # of the sending: the load's own fault
    load_share: float  # of a core, that the load itself took
    lost: int
    extra: int
    closed: int
    replies: int

    @property
    def cost_ms(self) -> float:
        """Processor time a stream-second."""
        return 1000 * sum(self.busy_seconds) / self.stream_seconds

    @property
    def faults(self) -> int:
        return self.lost + self.extra + self.closed

    @property
    def p99_ms(self) -> float:
        return 1000 * float(np.percentile(self.latency, 99)) if len(self.latency) else np.nan

    @property
    def late_ms(self) -> float:
        return 1000 * float(np.percentile(self.lateness, 99))


def speak(plan: Plan) -> Outcome:
    """Connect, speak until the plan is through, in a process of its own."""
    with speaking(plan) as outcome:
        return outcome.recv()


@contextlib.contextmanager
def speaking(plan: Plan) -> "Iterator[Connection[None, Outcome]]":
    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_run, args=(plan, there))
    process.start()
    there.close()  # so that a load that dies is noticed
    try:
        yield here
    finally:
        process.terminate()
        process.join()


def _run(plan: Plan, parent: "Connection[Outcome, None]") -> None:
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    parent.send(_Load(plan).run())


@dataclass(frozen=True)
class _Reading:
    """Processor seconds of the watched processes and of this one."""

    watched: Sequence[float]
    own: float


class _Load:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        frames = noise_frames(plan.message_ms)
        self._before_bytes = self._resident_bytes()
        self._streams = [Stream(door, frames, 7 * number) for number, door in enumerate(plan.doors)]
        self._by_descriptor = {stream.socket.fileno(): stream for stream in self._streams}
        self._epoll = select.epoll()
        for descriptor in self._by_descriptor:
            self._epoll.register(descriptor, select.EPOLLIN)
        self._lateness: list[float] = []

    def run(self) -> Outcome:
        """The streams' phases are spread evenly over a message's length."""
        message_seconds = self._plan.message_ms / 1000
        pause_seconds = message_seconds / len(self._streams)
        warm_up = round(_WARM_UP_SECONDS / message_seconds)
        messages = round(self._plan.seconds / message_seconds)
        connected_bytes = self._resident_bytes()
        start = time.monotonic()
        self._send(start, warm_up, pause_seconds)
        self._lateness.clear()
        before, began = self._reading(), time.monotonic()
        self._send(start + warm_up * message_seconds, messages, pause_seconds)
        after, ended = self._reading(), time.monotonic()
        resident = Resident(self._before_bytes, connected_bytes, self._resident_bytes(), self._held_bytes())
        self._await_replies()
        return Outcome(
            stream_seconds=messages * len(self._streams) * message_seconds,
            busy_seconds=[late - early for early, late in zip(before.watched, after.watched, strict=True)],
            resident=resident,
            latency=self._latency(warm_up),
            lateness=np.array(self._lateness),
            load_share=(after.own - before.own) / (ended - began),
            lost=self._count(1) if self._plan.answered else 0,
            extra=self._count(-1) if self._plan.answered else 0,
            closed=sum(stream.closed for stream in self._streams),
            replies=sum(len(stream.answered) for stream in self._streams),
        )

    def _send(self, start: float, messages: int, pause_seconds: float) -> None:
        """So many messages of each stream, one stream after the other.

        epoll counts whole milliseconds, as the timers of clients do: what falls into one goes out together.
        """
        for number in range(messages * len(self._streams)):
            due = start + number * pause_seconds
            while (now := time.monotonic()) < due:
                self._listen(due - now)
            self._streams[number % len(self._streams)].speak(now)
            self._lateness.append(now - due)
            if number % 16 == 0:  # replies are heard in time by a load that is late, too
                self._listen(0)

    def _listen(self, seconds: float) -> None:
        """Take replies until some came, or for so long."""
        for descriptor, _ in self._epoll.poll(seconds):
            stream = self._by_descriptor[descriptor]
            stream.hear()
            if stream.closed:
                self._epoll.unregister(descriptor)

    def _await_replies(self) -> None:
        deadline = time.monotonic() + _LAST_REPLY_SECONDS
        while self._plan.answered and self._count(1) and time.monotonic() < deadline:
            self._listen(0.02)
        deadline = time.monotonic() + _EXTRA_REPLY_SECONDS
        while time.monotonic() < deadline:
            self._listen(0.02)

    def _reading(self) -> _Reading:
        return _Reading([process_seconds(pid) for pid in self._plan.watched_pids], time.process_time())

    def _resident_bytes(self) -> int:
        return sum(map(resident_bytes, self._plan.watched_pids))

    def _held_bytes(self) -> float:
        return self._plan.holder.metric("gateway_held_bytes") if self._plan.holder else np.nan

    def _latency(self, first: int) -> Seconds:
        if not self._plan.answered:
            return np.zeros(0)
        pairs = [
            answered - sent
            for stream in self._streams
            for sent, answered in list(zip(stream.sent, stream.answered, strict=False))[first:]
        ]
        return np.array(pairs)

    def _count(self, sign: int) -> int:
        return sum(max(0, sign * (len(stream.sent) - len(stream.answered))) for stream in self._streams)


def noise_frames(message_ms: int) -> list[bytes]:
    samples = np.random.default_rng(0).normal(0, _NOISE_LEVEL, _NOISE_SECONDS * RATE).astype(np.int16)
    return audio_frames(samples, RATE * message_ms // 1000)
