"""Live transcription beyond what the machine carries: twice as many streams, then half of them gone.

What it carries is found first: streams are doubled until finals are late. Under overload finals must stay flat, at the
cost of partials; once the load is halved they must be soon on time.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from frontend.speech import RATE, Samples
from tests.bench import bars
from tests.bench.conversation import Said, Speech, speech
from tests.bench.live_client import Heard, converse, final_seconds
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench

_TRACKS = 8
_SENTENCES = 12
_FIRST_STREAMS = 8
_MOST_STREAMS = 256
_TRIAL_SECONDS = 25.0
_SETTLING_SECONDS = 8.0  # all streams beginning in one second are no lasting load
_OVERLOAD_SECONDS = 60.0
_AFTER_SECONDS = 60.0
_RECOVERY_SECONDS = 30.0
_CARRIED_P95_SECONDS = 1.2

# When a sentence ended in its stream, how much later its final came.
Lags = list[tuple[float, float]]


def measure(bench: Bench) -> Result:
    url = bench.gateway.ws("/", "live")
    tracks = [speech(2000 + seed, _SENTENCES) for seed in range(_TRACKS)]
    carried, trials = asyncio.run(_carried(url, tracks))
    stay = [_long(tracks[n % _TRACKS], _OVERLOAD_SECONDS + _AFTER_SECONDS, n) for n in range(carried)]
    leave = [_long(tracks[n % _TRACKS], _OVERLOAD_SECONDS, n + 1) for n in range(carried)]
    heard = asyncio.run(_converse(url, [*stay, *leave]))
    lags = _lags(heard, [*stay, *leave])
    during = [lag for at, lag in lags if 10 < at < _OVERLOAD_SECONDS]
    halves = [[lag for at, lag in lags if low <= at < low + 25] for low in (10, _OVERLOAD_SECONDS - 25)]
    recovered = [lag for at, lag in lags if at > _OVERLOAD_SECONDS + _RECOVERY_SECONDS]
    partials = [sum("partial" in told.content for told in each.told) for each in heard]
    figures = [
        Figure("streams carried", carried, note=f"finals' p95 <= {_CARRIED_P95_SECONDS} s; trials {trials}"),
        Figure("overload: finals, most", max(during), "s", bars.LIVE_OVERLOAD_SECONDS, f"{2 * carried} streams"),
        Figure("overload: finals, p95", float(np.percentile(during, 95)), "s"),
        Figure("overload: median, last 25 s less first", _growth(halves), "s", bars.LIVE_OVERLOAD_GROWTH_SECONDS),
        Figure("after: finals, p95", float(np.percentile(recovered, 95)), "s", bars.LIVE_RECOVERED_SECONDS),
        Figure("finals that never came", sum(lag == float("inf") for _, lag in lags), bar=bars.NONE),
        Figure("partials a stream-second", sum(partials) / sum(s.seconds for s in (*stay, *leave))),
    ]
    _draw(bench, lags)
    return Result("live_overload", figures, {"trials": trials})


async def _carried(url: str, tracks: Sequence[Speech]) -> tuple[int, dict[int, float]]:
    """The most streams whose finals are on time, and what each trial gave."""
    trials = dict[int, float]()

    async def on_time(count: int) -> bool:
        spoken = [_long(tracks[n % len(tracks)], _TRIAL_SECONDS, n) for n in range(count)]
        lags = [lag for at, lag in _lags(await _converse(url, spoken), spoken) if at > _SETTLING_SECONDS]
        trials[count] = round(float(np.percentile(lags, 95)), 2)
        return trials[count] <= _CARRIED_P95_SECONDS

    count = _FIRST_STREAMS
    if await on_time(count):
        while 2 * count <= _MOST_STREAMS and await on_time(2 * count):
            count *= 2
        return (3 * count // 2 if await on_time(3 * count // 2) else count), trials
    while count > 1 and not await on_time(count // 2):
        count //= 2
    return max(1, count // 2), trials


def _long(track: Speech, seconds: float, offset: int) -> Speech:
    """The track over and over for so long, beginning with another sentence for each stream."""
    length = round(seconds * RATE)
    begin = round((track.said[offset % len(track.said)].start_seconds - 0.5) * RATE)
    whole = len(track.samples)
    repeated: Samples = np.tile(track.samples, length // whole + 2)[begin : begin + length]
    said = [
        Said(each.text, each.start_seconds + shift, each.end_seconds + shift)
        for shift in ((turn * whole - begin) / RATE for turn in range(length // whole + 2))
        for each in track.said
        if each.start_seconds + shift >= 0 and each.end_seconds + shift < seconds - 1
    ]
    return Speech(repeated, said)


async def _converse(url: str, spoken: Sequence[Speech]) -> list[Heard]:
    async def one(number: int, each: Speech) -> Heard:
        await asyncio.sleep(number / len(spoken))  # nobody begins at the same moment
        return await converse(url, each.samples)

    return list(await asyncio.gather(*(one(number, each) for number, each in enumerate(spoken))))


def _lags(heard: Sequence[Heard], spoken: Sequence[Speech]) -> Lags:
    lags = Lags()
    for each, stream in zip(heard, spoken, strict=True):
        for said in stream.said:
            lag = final_seconds(each, said)
            lags.append((said.end_seconds, float("inf") if lag is None else lag))
    return lags


def _growth(halves: Sequence[Sequence[float]]) -> float:
    first, last = (float(np.median(half)) for half in halves)
    return last - first


def _draw(bench: Bench, lags: Lags) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    axes.plot(*zip(*lags, strict=True), ".", markersize=3, label="a sentence")
    axes.axvline(_OVERLOAD_SECONDS, color="tab:grey", linestyle="--", label="half of the streams end")
    axes.axhline(bars.LIVE_OVERLOAD_SECONDS.limit, color="tab:red", linestyle="--", label="bar")
    axes.set(xlabel="the sentence's end, s", ylabel="its final, s later", title="finals under twice the load carried")
    axes.legend()
    drawing.savefig(bench.picture("live_overload"), dpi=120)
