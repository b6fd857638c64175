"""All dialects at once for as long as is wanted, at a share of what the machine can: nothing grows, nothing fails."""

import asyncio
import collections
import importlib
import os
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import numpy as np

from docker.triton.launcher import shared_memory_prefix
from tests.bench.bars import NONE, Bar
from tests.bench.result import Figure, Result
from tests.gateway_server import GatewayAddress, running_gateway
from tests.soak import dialects
from tests.soak.readings import Reading, processor_seconds, read
from tests.soak.stage import REPOSITORY, Options, tell
from tests.triton_server import TritonAddress, running_triton

SLOPE_MB_A_MINUTE = Bar(1.0)
_READ_SECONDS = 10.0
_REST_SECONDS = 15.0
_LEAST_WARM_UP_SECONDS = 60.0
_TOLD_EVERY = 6  # readings
_CONVERSATION_SECONDS = 300.0


@dataclass
class Course:
    """What came of it."""

    readings: list[Reading] = field(default_factory=list)
    conversations: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)
    groups: int = 0
    busy_share: float = 0.0


class Crowd:
    """Groups of one visitor for each dialect, each of whom begins anew when a conversation is over."""

    def __init__(self, visitor: dialects.Visitor, course: Course) -> None:
        self._visitor, self._course = visitor, course
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = asyncio.Event()

    def grow(self) -> None:
        self._course.groups += 1
        for name, talk in dialects.DIALECTS.items():
            self._tasks.add(asyncio.create_task(self._go_on(name, talk)))

    async def leave(self) -> None:
        """Everybody finishes what was begun."""
        self._leaving.set()
        await asyncio.gather(*self._tasks)
        self._leaving.clear()
        self._tasks.clear()

    async def _go_on(self, name: str, talk: dialects.Talk) -> None:
        await asyncio.sleep(random.uniform(0, 5))
        while not self._leaving.is_set():
            try:
                async with asyncio.timeout(_CONVERSATION_SECONDS):
                    await talk(self._visitor)
            except Exception as e:
                self._course.failures.append(f"{name}: {e!r}"[:300])
                tell(f"mixed: {self._course.failures[-1]}")
                await asyncio.sleep(1.0)
            else:
                self._course.conversations[name] += 1


class Hour:
    def __init__(self, options: Options, gateway: GatewayAddress, triton: TritonAddress, state: Path) -> None:
        self._options, self._gateway, self._triton = options, gateway, triton
        self._shared_memory = shared_memory_prefix(state)
        self.course = Course()

    async def run(self) -> tuple[Reading, Reading]:
        """At rest after the warm-up, and at rest in the end."""
        seconds = 60 * self._options.minutes
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as web:
            crowd = Crowd(dialects.Visitor(self._gateway, web, dialects.speech()), self.course)
            await self._warm_up(crowd, max(_LEAST_WARM_UP_SECONDS, seconds / 6))
            before = await self._rest(crowd)
            self.course.readings.clear()
            groups, self.course.groups = self.course.groups, 0
            for _ in range(groups):
                crowd.grow()
            used, began = self._used(), time.monotonic()
            await self._watch(began + seconds)
            self.course.busy_share = (self._used() - used) / (time.monotonic() - began) / (os.cpu_count() or 1)
            return before, await self._rest(crowd)

    async def _warm_up(self, crowd: Crowd, seconds: float) -> None:
        """One group more, and another, for as long as the processors have room for it."""
        end = time.monotonic() + seconds
        step = max(_READ_SECONDS, seconds / 8)
        crowd.grow()
        while time.monotonic() < end:
            used = self._used()
            await asyncio.sleep(step)
            share = (self._used() - used) / step / (os.cpu_count() or 1)
            tell(f"mixed: {self.course.groups} groups take {share:.0%} of the processors")
            if share * (self.course.groups + 1) / self.course.groups <= self._options.share:
                crowd.grow()

    async def _watch(self, end: float) -> None:
        while time.monotonic() < end:
            await asyncio.sleep(_READ_SECONDS)
            self.course.readings.append(now := await self._read())
            if len(self.course.readings) % _TOLD_EVERY == 0:
                done = sum(self.course.conversations.values())
                tell(
                    f"mixed: {now.resident_mb:.1f} MB, {now.descriptors} descriptors, {now.tasks:.0f} tasks, "
                    f"{done} conversations, {len(self.course.failures)} failed, {(end - now.seconds) / 60:.0f} min left"
                )

    async def _rest(self, crowd: Crowd) -> Reading:
        await crowd.leave()
        await asyncio.sleep(_REST_SECONDS)
        return await self._read()

    async def _read(self) -> Reading:
        return await asyncio.to_thread(read, self._gateway, self._shared_memory)

    def _used(self) -> float:
        return processor_seconds(self._gateway, self._triton.pid)


def measure(options: Options) -> Result:
    with (
        TemporaryDirectory() as state,
        running_triton(REPOSITORY, Path(state) / "triton") as triton,
        running_gateway(triton, Path(state) / "gateway") as gateway,
    ):
        hour = Hour(options, gateway, triton, Path(state) / "triton")
        before, after = asyncio.run(hour.run())
        log = gateway.log_file.read_text()
    course = hour.course
    _draw(options.folder / "mixed.png", course)
    details = {
        "conversations": dict(course.conversations),
        "failures": course.failures,
        "readings": [asdict(each) for each in course.readings],
        "errors in the log": [line for line in log.splitlines() if " ERROR " in line][:20],
    }
    return Result("mixed", _figures(course, before, after, log), details)


def slope_mb_a_minute(readings: list[Reading]) -> float:
    """Of the line that fits best."""
    minutes = np.array([each.seconds for each in readings]) / 60
    return float(np.polyfit(minutes - minutes[0], [each.resident_mb for each in readings], 1)[0])


def _figures(course: Course, before: Reading, after: Reading, log: str) -> list[Figure]:
    minutes = (course.readings[-1].seconds - course.readings[0].seconds) / 60
    dialect = min(dialects.DIALECTS, key=lambda name: course.conversations[name])
    most = max(each.connections for each in course.readings)
    return [
        Figure("minutes", minutes, note=f"load average {os.getloadavg()[1]:.1f} in the end"),
        Figure("processors in use", 100 * course.busy_share, "%", note="gateway, Triton and clients together"),
        Figure("conversations", sum(course.conversations.values()), note=f"in {len(dialects.DIALECTS)} dialects"),
        Figure("of the rarest dialect", course.conversations[dialect], note=dialect),
        Figure("connections at once, at most", most),
        Figure("conversations that failed", len(course.failures), bar=NONE),
        Figure("errors in the log", log.count(" ERROR "), bar=NONE),
        Figure("resident memory, from", course.readings[0].resident_mb, "MB"),
        Figure("resident memory, to", course.readings[-1].resident_mb, "MB"),
        Figure("slope of resident memory", slope_mb_a_minute(course.readings), "MB a minute", SLOPE_MB_A_MINUTE),
        *(Figure(f"grown at rest: {kind}", more, bar=NONE) for kind, more in after.beyond(before).items()),
    ]


def _draw(path: Path, course: Course) -> None:
    minutes = [(each.seconds - course.readings[0].seconds) / 60 for each in course.readings]
    figure = importlib.import_module("matplotlib.figure")  # half a second, which who does not draw can do without
    drawing = figure.Figure(figsize=(9, 6), layout="constrained")
    memory, counts = drawing.subplots(2, 1, sharex=True)
    memory.plot(minutes, [each.resident_mb for each in course.readings])
    memory.set(ylabel="resident memory of the gateway, MB", ylim=(0, None))
    for kind in ("descriptors", "tasks", "connections"):
        counts.plot(minutes, [getattr(each, kind) for each in course.readings], label=kind)
    counts.set(xlabel="minutes", ylim=(0, None))
    counts.legend()
    drawing.savefig(path, dpi=120)
