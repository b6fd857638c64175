"""How long after the last sound and the silence asked for a client learns that an utterance has ended.

Counted in the stream, in chunks of 20 ms, not by the clock. An utterance must not end in a pause of at most 0.8 of the
silence asked for, be it the synthesizer's own or one between two sentences.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing
from tqdm import tqdm

from export.calibration.voices import SAMPLE_RATE
from tests.bench import bars
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench, progress
from tests.bench.utterances import CONDITIONS, SNR_DB, Utterance, utterances
from tests.bench.wire import Endpoint, audio_frames, converse

_ASKED_MS = (300, 500, 800)
_MIN_SPEECH_MS = 200
_CHUNK_MS = 20
_AT_ONCE = 8
# (utterance, where in the stream its end was told; None when never)
Tried = Sequence[tuple[Utterance, float | None]]


def measure(bench: Bench) -> Result:
    spoken = list(progress(utterances(_ASKED_MS), "speaking"))
    tried = asyncio.run(_try_all(bench, spoken))
    figures = [figure for condition in CONDITIONS for figure in _figures(condition, tried)]
    _draw(bench, tried)
    by_asked = {
        f"{condition}, {asked} ms": _spread(_delays(tried, condition, asked))
        for condition in CONDITIONS
        for asked in _ASKED_MS
    }
    return Result("endpoint", figures, {"snr_db": SNR_DB, "delay_ms": by_asked})


async def _try_all(bench: Bench, spoken: Sequence[Utterance]) -> Tried:
    permits = asyncio.Semaphore(_AT_ONCE)
    bar = tqdm(total=len(spoken), desc="listening", leave=False, disable=None)

    async def attempt(utterance: Utterance) -> tuple[Utterance, float | None]:
        parameters = (str(_MIN_SPEECH_MS), str(utterance.asked_ms), str(SAMPLE_RATE))
        endpoint = Endpoint(bench.gateway.ports["voice"], "/speech_endpoint_detector", parameters)
        async with permits:
            replies = await converse(endpoint, audio_frames(utterance.samples, SAMPLE_RATE * _CHUNK_MS // 1000))
        bar.update()
        return utterance, (replies.index(b"true") + 1) * _CHUNK_MS if b"true" in replies else None

    tried = await asyncio.gather(*map(attempt, spoken))
    bar.close()
    return tried


def _figures(condition: str, tried: Tried) -> list[Figure]:
    delays = _delays(tried, condition)
    here = [(utterance, told) for utterance, told in tried if utterance.condition == condition]
    strict = [pair for pair in here if pair[0].must_not_fire_early]
    joined = sum(utterance.joined for utterance, _ in strict)
    early = [utterance for utterance, told in strict if told is not None and told <= utterance.end_ms]
    where = f"{sum(utterance.joined for utterance in early)} of them joined"
    least = f"least {min(delays):.0f} ms, of {len(delays)}"
    return [
        Figure(f"{condition}: delay, median", float(np.median(delays)), "ms", bars.ENDPOINT_MEDIAN_MS, least),
        Figure(f"{condition}: delay, p95", float(np.percentile(delays, 95)), "ms", bars.ENDPOINT_P95_MS),
        Figure(
            f"{condition}: ended in a pause <= 0.8",
            len(early),
            bar=bars.NONE,
            note=f"{where}; tried {len(strict)}, {joined} of them joined",
        ),
        Figure(f"{condition}: end not told", sum(told is None for _, told in here), bar=bars.NONE),
    ]


def _delays(tried: Tried, condition: str, asked_ms: int | None = None) -> list[float]:
    """After speech end and silence asked for, where the end was not told in a pause before."""
    return [
        told - utterance.end_ms - utterance.asked_ms
        for utterance, told in tried
        if utterance.condition == condition and asked_ms in (None, utterance.asked_ms)
        if told is not None and told > utterance.end_ms
    ]


def _spread(delays: Sequence[float]) -> dict[str, float]:
    median, p95 = np.percentile(delays, [50, 95])
    return {"median": float(median), "p95": float(p95), "least": min(delays), "most": max(delays)}


def _draw(bench: Bench, tried: Tried) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    axes = drawing.subplots()
    for condition in CONDITIONS:
        delays = np.sort(_delays(tried, condition))
        name = condition if condition == "clean" else f"{condition} noise, {SNR_DB:g} dB"
        axes.plot(delays, np.linspace(0, 100, len(delays)), label=name)
    axes.plot([bars.ENDPOINT_MEDIAN_MS.limit], [50], "<", color="tab:red", label="bars: median, p95")
    axes.plot([bars.ENDPOINT_P95_MS.limit], [95], "<", color="tab:red")
    axes.set(xlabel="ms after speech end + asked silence", ylabel="utterances, %")
    axes.set_title("when the end of an utterance is told")
    axes.legend()
    drawing.savefig(bench.picture("endpoint"), dpi=120)
