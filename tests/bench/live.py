"""Live transcription in real time: when text comes and how much of it changes, alone and with others; and a long stream
against the file path.

The long stream is pushed as fast as the gateway takes it: finals depend on the samples alone, so they are those of a
stream in real time, which a test of the gateway proves.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.training.scoring import Score
from frontend.config import loading as configuration
from frontend.speech import Decoding
from frontend.tasks.files.transcription import TranscriptionOptions, transcribe_recording
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.service import TritonSpeech
from tests.bench import bars
from tests.bench.conversation import Speech, speech
from tests.bench.live_client import Heard, changes, converse, sentences
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench

_TOGETHER = 10
_SENTENCES = 10
_ALONE = 3
_LONG_SENTENCES = 230


def measure(bench: Bench) -> Result:
    url = bench.gateway.ws("/", "live")
    spoken = [speech(seed, _SENTENCES) for seed in range(_TOGETHER)]
    alone = [pair for one in spoken[:_ALONE] for pair in asyncio.run(_converse(url, [one]))]
    together = asyncio.run(_converse(url, spoken))
    long = speech(1000, _LONG_SENTENCES)
    pushed = asyncio.run(converse(url, long.samples, real_time=False))
    file_text = asyncio.run(_file_path(bench, long))
    figures = [
        *_figures("1 stream", alone),
        *_figures(f"{_TOGETHER} streams", together),
        *_long_figures(long, pushed, file_text),
    ]
    _draw(bench, {"1 stream": alone, f"{_TOGETHER} streams": together})
    return Result("live", figures, {"sentences": _SENTENCES, "streams": _TOGETHER})


Conversation = tuple[Heard, Speech]


async def _converse(url: str, spoken: Sequence[Speech]) -> list[Conversation]:
    heard = await asyncio.gather(*(converse(url, each.samples) for each in spoken))
    return list(zip(heard, spoken, strict=True))


def _delays(conversations: Sequence[Conversation]) -> tuple[list[float], list[float]]:
    """Of each sentence: until the first correct word, and until its final; infinite where none came."""
    told = [each for heard, spoken in conversations for each in sentences(heard, spoken)]
    never = float("inf")
    return [first or never for _, first, _ in told], [never if last is None else last for _, _, last in told]


def _figures(name: str, conversations: Sequence[Conversation]) -> list[Figure]:
    first, last = _delays(conversations)
    changed, shown = np.sum([changes(heard) for heard, _ in conversations], axis=0)
    of = f"of {len(first)} sentences"
    single = name == "1 stream"
    return [
        Figure(f"{name}: first correct word, median", _at(first, 50), "s", bars.LIVE_FIRST_SECONDS if single else None),
        Figure(f"{name}: first correct word, p95", _at(first, 95), "s", note=of),
        Figure(f"{name}: final, median", _at(last, 50), "s", bars.LIVE_FINAL_SECONDS if single else None),
        Figure(f"{name}: final, p95", _at(last, 95), "s", note=of),
        Figure(f"{name}: words changed", 100 * changed / max(1, shown), "%", bars.LIVE_CHANGED_PERCENT, f"of {shown}"),
    ]


def _at(delays: Sequence[float], percent: int) -> float:
    return float(np.percentile(delays, percent, method="higher"))


def _long_figures(spoken: Speech, heard: Heard, file_text: str) -> list[Figure]:
    live_wer, file_wer = _wer(heard.text, spoken.text), _wer(file_text, spoken.text)
    starts = [
        min(abs(word["start"] - said.start_seconds) for word in heard.words) for said in spoken.said if heard.words
    ]
    overlaps = sum(
        later["start"] < earlier["end"] for earlier, later in zip(heard.words, heard.words[1:], strict=False)
    )
    return [
        Figure("long stream", spoken.seconds, "s", note=f"{len(spoken.said)} sentences, {len(heard.finals)} finals"),
        Figure("long stream: word errors", live_wer, "%"),
        Figure("long stream: file path's word errors", file_wer, "%"),
        Figure("long stream: word errors beyond the file path's", live_wer - file_wer, "points", bars.LIVE_WER_POINTS),
        Figure("long stream: beginnings, median error", _at(starts, 50), "s", bars.LIVE_TIMES_SECONDS),
        Figure("long stream: words over others", overlaps, bar=bars.NONE),
    ]


def _wer(said: str, truth: str) -> float:
    score = Score()
    score.add(said, truth)
    return score.percentages()["wer"]


async def _file_path(bench: Bench, spoken: Speech) -> str:
    options = configuration.load(None, {"GATEWAY_TRITON__GRPC_PORT": str(bench.triton.grpc_port)})
    metrics = Metrics()
    client = TritonClient(options.triton, metrics)
    service = TritonSpeech(client, options, metrics)
    await service.ready()
    try:
        how = TranscriptionOptions.of(options.recognition, Decoding())
        return (await transcribe_recording(spoken.samples, service.asked_by("bench"), how)).text
    finally:
        await service.drain()
        await client.close(1.0)


def _draw(bench: Bench, measured: dict[str, list[Conversation]]) -> None:
    drawing = Drawing(figsize=(11, 4), layout="constrained")
    axes = drawing.subplots(1, 2)
    titles = ("first correct word after a sentence's beginning", "final after a sentence's end")
    for place, (bar, title) in enumerate(zip((bars.LIVE_FIRST_SECONDS, bars.LIVE_FINAL_SECONDS), titles, strict=True)):
        for name, conversations in measured.items():
            delays = np.sort(_delays(conversations)[place])
            axes[place].plot(delays, np.linspace(0, 100, len(delays)), label=name)
        axes[place].plot([bar.limit], [50], "<", color="tab:red", label="bar for the median")
        axes[place].set(xlabel="s", ylabel="sentences, %", title=title)
        axes[place].legend()
    drawing.savefig(bench.picture("live"), dpi=120)
