"""Live transcription of people: when text comes and how much of it changes; and how many who never pause are carried.

Those who are carried are shown what they say while they say it, and no final of theirs is late.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawing

from frontend.speech import RATE, Samples
from tests.bench import bars, people
from tests.bench.conversation import Said, Speech
from tests.bench.live_client import Heard, changes, converse, sentences
from tests.bench.processor_time import tree_seconds
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench

_STREAMS, _STEP, _TRIALS = 8, 2, 3
_TRIAL_SECONDS = 20.0
_LEAST_PARTIALS = 0.5  # a stream-second


@dataclass(frozen=True)
class _Trial:
    streams: int
    late: int  # streams of which a final was more than 2 s late, at the worst moment
    partials: float  # a stream-second
    triton_seconds: float
    gateway_seconds: float

    @property
    def carried(self) -> bool:
        return self.late == 0 and self.partials >= _LEAST_PARTIALS


def measure(bench: Bench) -> Result:
    spoken = people.sentences()
    heard = asyncio.run(converse(_url(bench), spoken.samples))
    trials = list(_trials(bench, people.breathless()))
    _draw(bench, sentences(heard, spoken), trials)
    return Result("live_people", [*_figures(heard, spoken), *_carried(trials)], {"sentences": len(spoken.said)})


def _url(bench: Bench) -> str:
    return bench.gateway.ws("/", "live")


def _figures(heard: Heard, spoken: Speech) -> list[Figure]:
    never = float("inf")
    told = sentences(heard, spoken)
    first = [never if one is None else one for _, one, _ in told]
    last = [never if one is None else one for _, _, one in told]
    changed, shown = changes(heard)
    early, late = np.percentile(first, (25, 75), method="nearest")
    of = f"of {len(told)} sentences that people say; of a half of them {early:.2f} to {late:.2f} s"
    return [
        Figure("first correct word, median", float(np.median(first)), "s", bars.LIVE_FIRST_SECONDS, of),
        Figure("final, median", float(np.median(last)), "s", bars.LIVE_PEOPLE_FINAL_SECONDS, "0.4 s of silence asked"),
        Figure("final, latest", max(last), "s"),
        Figure("words changed", 100 * changed / max(1, shown), "%", bars.LIVE_PEOPLE_CHANGED_PERCENT, f"of {shown}"),
    ]


def _carried(trials: Sequence[_Trial]) -> list[Figure]:
    figures = [Figure("streams carried", max((each.streams for each in trials if each.carried), default=0))]
    for each in trials:
        spent = f"Triton {each.triton_seconds:.3f} s, gateway {each.gateway_seconds:.3f} s"
        note = f"{each.late} late; of a stream-second {spent}"
        figures.append(Figure(f"{each.streams} streams: partials a stream-second", each.partials, note=note))
    return figures


def _draw(bench: Bench, told: Sequence[tuple[Said, float | None, float | None]], trials: Sequence[_Trial]) -> None:
    drawing = Drawing(figsize=(11, 4), layout="constrained")
    left, right = drawing.subplots(1, 2)
    names = ("first correct word after a sentence's beginning", "final after its end")
    for place, name in enumerate(names, 1):
        delays = np.sort([each[place] or np.inf for each in told])
        left.plot(delays, np.linspace(0, 100, len(delays)), label=name)
    left.set(xlabel="s", ylabel="sentences, %", title="1 stream")
    for trial in trials:
        heights = trial.partials, trial.triton_seconds * trial.streams
        label = f"{trial.streams} streams, {trial.late} late"
        right.bar(np.arange(2) + (trial.streams - _STREAMS) / 8, heights, 0.2, label=label)
    right.set(xticks=[0, 1], xticklabels=["partials a stream-second", "Triton's processors"], title="who never pause")
    for axes in (left, right):
        axes.legend(loc="lower right")
    drawing.savefig(bench.picture("live_people"), dpi=120)


def _trials(bench: Bench, track: Samples) -> Iterator[_Trial]:
    """As many as are asked for; then more while they are carried, or fewer until they are."""
    trial = asyncio.run(_tried(bench, track, _STREAMS))
    yield trial
    first = trial.carried
    for more in range(1, _TRIALS):
        if trial.carried != first:
            return
        trial = asyncio.run(_tried(bench, track, _STREAMS + (more if first else -more) * _STEP))
        yield trial


async def _tried(bench: Bench, track: Samples, count: int) -> _Trial:
    length = round(_TRIAL_SECONDS * RATE)
    turned = [np.resize(np.roll(track, -place * len(track) // count), length) for place in range(count)]
    before = tree_seconds(bench.triton.pid), tree_seconds(bench.gateway.pid)
    watching = asyncio.create_task(_most_late(bench))
    heard = await asyncio.gather(*(_later(place / count, _url(bench), each) for place, each in enumerate(turned)))
    watching.cancel()
    after = tree_seconds(bench.triton.pid), tree_seconds(bench.gateway.pid)
    seconds = count * _TRIAL_SECONDS
    partials = sum("partial" in told.content for each in heard for told in each.told) / seconds
    spent = [(late - early) / seconds for early, late in zip(before, after, strict=True)]
    return _Trial(count, await watching, partials, *spent)


async def _later(seconds: float, url: str, samples: Samples) -> Heard:
    await asyncio.sleep(seconds)
    return await converse(url, samples)


async def _most_late(bench: Bench) -> int:
    most = 0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(0.5)
            most = max(most, int(await asyncio.to_thread(bench.gateway.metric, "gateway_live_lagging")))
    return most
