"""A recording of two hours, pushed into a live socket as fast as it is taken: all of it comes out, in little memory."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.training.scoring import Score
from frontend.speech import RATE, Samples
from tests.bench import bars
from tests.bench.conversation import speech
from tests.bench.live_client import Heard, converse
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench

_SENTENCES = 230  # about ten minutes
_HOURS = 2
_LOOK_SECONDS = 0.5
_MEBIBYTE = 1 << 20


@dataclass
class _Watch:
    """The gateway's memory while it works, in mebibytes."""

    seconds: list[float] = field(default_factory=list)
    mebibytes: list[float] = field(default_factory=list)

    @property
    def beyond_first(self) -> list[float]:
        return [one - self.mebibytes[0] for one in self.mebibytes]

    async def look(self, bench: Bench) -> None:
        began = time.monotonic()
        while True:
            resident = await asyncio.to_thread(bench.gateway.metric, "gateway_resident_memory_bytes")
            self.seconds.append(time.monotonic() - began)
            self.mebibytes.append(resident / _MEBIBYTE)
            await asyncio.sleep(_LOOK_SECONDS)


def measure(bench: Bench) -> Result:
    part = speech(3000, _SENTENCES)
    times = round(_HOURS * 3600 / part.seconds)
    samples = np.tile(part.samples, times)
    asyncio.run(converse(bench.gateway.ws("/", "live"), part.samples[: 60 * RATE], real_time=False))  # warms up
    watch = _Watch()
    heard, took_seconds = asyncio.run(_push(bench, samples, watch))
    score = Score()
    for turn in range(times):
        score.add(_said_in(heard, turn * part.seconds, (turn + 1) * part.seconds), part.text)
    _draw(bench, watch)
    length_seconds = len(samples) / RATE
    figures = [
        Figure(
            "recording", length_seconds / 3600, "h", note=f"{len(samples) / 5e5:.0f} MB, {len(heard.finals)} finals"
        ),
        Figure("transcribed, times real time", length_seconds / took_seconds, note=f"in {took_seconds:.0f} s"),
        Figure("memory beyond that before, most", max(watch.beyond_first), "MiB", bars.PUSHED_MEBIBYTES),
        Figure("word errors", score.percentages()["wer"], "%", note=f"ten minutes, {times} times"),
        Figure("from its last word to its end", length_seconds - heard.words[-1]["end"], "s", bars.PUSHED_END_SECONDS),
    ]
    return Result("pushed", figures, {"seconds": watch.seconds, "mebibytes": watch.mebibytes})


def _said_in(heard: Heard, begin_seconds: float, end_seconds: float) -> str:
    return " ".join(word["word"] for word in heard.words if begin_seconds <= word["start"] < end_seconds)


async def _push(bench: Bench, samples: Samples, watch: _Watch) -> tuple[Heard, float]:
    watching = asyncio.create_task(watch.look(bench))
    began = time.monotonic()
    try:
        return await converse(bench.gateway.ws("/", "live"), samples, real_time=False), time.monotonic() - began
    finally:
        watching.cancel()


def _draw(bench: Bench, watch: _Watch) -> None:
    drawing = Drawing(figsize=(8, 3), layout="constrained")
    axes = drawing.subplots()
    axes.plot(watch.seconds, watch.beyond_first)
    axes.axhline(bars.PUSHED_MEBIBYTES.limit, color="tab:red", linestyle="--", label="bar")
    axes.set(xlabel="s", ylabel="memory, MiB", title="what two hours pushed at once cost the gateway")
    axes.legend()
    drawing.savefig(bench.picture("pushed"), dpi=120)
