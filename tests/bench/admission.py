"""Twice the streams that the gateway was seen to carry: how soon the others are refused, and what that costs who is in.

The recogniser takes a fixed time for each call, one at a time, so that capacity is the models' and not this machine's.
First streams come until the gateway lets nobody in; what it learned then is its capacity. So many streams go on for a
while, then as many more knock twice a second each, whatever they are told.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field

import numpy as np
import websockets
from matplotlib.figure import Figure as Drawing

from tests.bench import bars
from tests.bench.result import Figure, Result
from tests.bench.slow_stage import slow_gateway
from tests.bench.speakers import Speaker, connect, knock
from tests.bench.stage import Bench
from tests.gateway_server import GatewayAddress

_CALL_SECONDS = 0.03
_RAMP_SECONDS = 90.0
_STEP_SECONDS = 0.4
_SETTLING_SECONDS = 10.0
_PHASE_SECONDS = 25.0
_KNOCK_SECONDS = 0.5


@dataclass
class Crowd:
    """Who is in, and how the others fared."""

    url: str
    speakers: list[Speaker] = field(default_factory=list)
    speaking: list[asyncio.Task[None]] = field(default_factory=list)
    refusals_seconds: list[float] = field(default_factory=list)
    # Of requests that have nothing to do with it, beside each refusal.
    others_seconds: list[float] = field(default_factory=list)
    without_time: int = 0

    async def come(self) -> bool:
        """Whether one more is let in."""
        try:
            speaker = await connect(self.url)
        except websockets.InvalidStatus:
            return False
        self.speakers.append(speaker)
        self.speaking.append(asyncio.create_task(speaker.speak()))
        return True

    async def grow(self, until: float) -> None:
        """One more after the other, for as long as they are let in."""
        while time.monotonic() < until:
            if not await self.come():
                return
            await asyncio.sleep(_STEP_SECONDS)

    async def knock(self, until: float, every_seconds: float, offset_seconds: float = 0.0) -> None:
        """One more, again and again until it is let in."""
        await asyncio.sleep(offset_seconds)
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await knock(self.url)
            if " 101 " in answer and await self.come():
                return
            if " 503 " in answer:
                self.refusals_seconds.append(time.monotonic() - began)
                self.without_time += "Retry-After: " not in answer
                began = time.monotonic()
                await knock(self.url.replace("ws://", "http://") + "health/live", headers="")
                self.others_seconds.append(time.monotonic() - began)
            await asyncio.sleep(every_seconds)

    async def leave(self, keep: int = 0) -> None:
        for speaker in self.speakers[keep:]:
            speaker.leaving.set()
        await asyncio.gather(*self.speaking[keep:])

    def p95(self, count: int, since: float, until: float) -> float:
        lags = [lag for speaker in self.speakers[:count] for lag in speaker.lags(since, until)]
        return float(np.percentile(lags, 95))


def measure(bench: Bench) -> Result:
    with slow_gateway(_CALL_SECONDS, {"GATEWAY_ADMISSION__ENABLED": "true"}) as gateway:
        return asyncio.run(_measure(bench, gateway))


async def _measure(bench: Bench, gateway: GatewayAddress) -> Result:
    crowd = Crowd(gateway.ws("/", "live"))
    await crowd.grow(time.monotonic() + _RAMP_SECONDS)
    ramped = len(crowd.speakers)
    capacity = await _settled(crowd, gateway)
    settled, before = len(crowd.speakers), time.monotonic()
    await asyncio.sleep(_PHASE_SECONDS)
    during = time.monotonic()
    await asyncio.gather(
        *(crowd.knock(during + _PHASE_SECONDS, _KNOCK_SECONDS, each / capacity) for each in range(capacity))
    )
    after = time.monotonic()
    refusals_ms = 1000 * np.percentile(crowd.refusals_seconds, [50, 99])
    others_ms = 1000 * np.percentile(crowd.others_seconds, [50, 99])
    running, let_in = crowd.p95(capacity, during, after - 2), len(crowd.speakers) - settled
    usual = crowd.p95(capacity, before, during)
    again_seconds = await _again(crowd)
    _draw(bench, crowd, (before, during, after))
    figures = [
        Figure("streams let in before it was full", ramped, note=f"a call takes {_CALL_SECONDS} s"),
        Figure("capacity that was learned", capacity, "streams"),
        Figure("twice that: refusals, median", refusals_ms[0], "ms", note=f"of {len(crowd.refusals_seconds)}"),
        Figure("twice that: refusals, p99", refusals_ms[1], "ms", bars.REFUSAL_P99_MS),
        Figure("/health/live meanwhile, median", others_ms[0], "ms", note="what any answer takes on this machine then"),
        Figure("/health/live meanwhile, p99", others_ms[1], "ms"),
        Figure("refusals without a time to come back", crowd.without_time, bar=bars.NONE),
        Figure("let in meanwhile", let_in, "streams"),
        Figure("finals of who is in before, p95", usual, "s"),
        Figure("finals of who is in meanwhile, p95", running, "s"),
        Figure("meanwhile against before", running / usual, "times", bars.FULL_P95_TIMES),
        Figure("finals that never came", sum(each.lost for each in crowd.speakers), bar=bars.NONE),
        Figure("lets in again after", again_seconds, "s", bars.OPEN_AGAIN_SECONDS),
    ]
    return Result("admission", figures)


async def _again(crowd: Crowd) -> float:
    """How long after all have left somebody is let in."""
    await crowd.leave()
    gone = time.monotonic()
    await crowd.knock(float("inf"), 0.1)
    seconds = time.monotonic() - gone
    await crowd.leave()
    return seconds


async def _settled(crowd: Crowd, gateway: GatewayAddress) -> int:
    """As many speak as the gateway says that it carries, and have done so for a while."""
    while True:
        load = json.loads((await asyncio.to_thread(gateway.get, "/health/ready"))[1])["load"]
        capacity = int(load["capacity_streams"] or len(crowd.speakers))
        if capacity >= len(crowd.speakers):
            return len(crowd.speakers)
        await crowd.leave(capacity)
        del crowd.speakers[capacity:], crowd.speaking[capacity:]
        await asyncio.sleep(_SETTLING_SECONDS)


def _draw(bench: Bench, crowd: Crowd, moments: tuple[float, float, float]) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    begin = moments[0]
    pairs = [pair for each in crowd.speakers for pair in zip(each.ended, each.lags(), strict=True)]
    points = [(ended - begin, lag) for ended, lag in pairs]
    axes.plot(*zip(*points, strict=True), ".", markersize=3, label="a phrase")
    axes.axvspan(moments[1] - begin, moments[2] - begin, color="tab:red", alpha=0.1, label="as many more knock")
    axes.set(xlabel="the phrase's end, s", ylabel="its final, s later", title="finals of who is in")
    axes.legend()
    drawing.savefig(bench.picture("admission"), dpi=120)
