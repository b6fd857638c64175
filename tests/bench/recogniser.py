"""The recogniser's graph against CTranslate2: the same weights, one thread each, in turns, features on both sides.

The weights are random, in the shape of Whisper's tiny checkpoint; how fast they are does not depend on what they
learned. Both generate the same number of tokens. Times are processor times, so that what else runs here disturbs less.
"""

import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure as Drawing

from export.graphs.mel import filters
from export.graphs.runtime import Runner
from export.graphs.sequence.options import GraphOptions, Precision
from export.graphs.whisper.graph import build
from export.graphs.whisper.shape import Shape
from tests.bench import bars
from tests.bench.peer import Peer, running_peer
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench, progress
from tests.export.graphs.whisper.asking import Ask, clip, inputs
from tests.export.graphs.whisper.checkpoint import random_weights

_TINY = Shape(
    vocabulary=51_865,
    mels=80,
    width=384,
    encoder_layers=4,
    encoder_heads=6,
    decoder_layers=4,
    decoder_heads=6,
    source_positions=1500,
    target_positions=448,
)
_END, _START, _TRANSCRIBE, _NO_SPEECH, _NO_TIMESTAMPS = 50_257, 50_258, 50_359, 50_362, 50_363
_LANGUAGES = tuple(range(50_259, 50_358))
_PROMPT = [_START, _LANGUAGES[0], _TRANSCRIBE, _NO_TIMESTAMPS]
_SUPPRESSED = list(range(_END, _TINY.vocabulary))  # nor the end: both shall say as much
_TOKENS = 25  # of five seconds
_PREFIX_TOKENS = 13  # of ten words
_ROUNDS = 7
_PRECISIONS: Mapping[Precision, str] = {"int8": "int8", "fp32": "float32"}  # as we and CTranslate2 call them


@dataclass(frozen=True)
class _Players:
    """Who is measured in one precision."""

    ours: Runner
    peer: Peer
    folder: Path

    def seconds_of_ours(self, asks: list[Ask]) -> float:
        given = inputs(asks)
        started = time.process_time()
        found = self.ours.run(given, "TOKEN", "LOG_PROBABILITY")["TOKEN"]
        seconds = time.process_time() - started
        assert found.shape[1] == max(1, asks[0].max_tokens)
        return seconds

    def seconds_of_theirs(self, name: str, tokens: int) -> float:
        question = {"audio": str(self.folder / f"{name}.npy"), "tokens": tokens, "prompt": _PROMPT}
        seconds, found = self.peer.ask({**question, "suppressed": _SUPPRESSED})
        assert all(len(said) == tokens for said in found)
        return seconds


def measure(bench: Bench) -> Result:
    with TemporaryDirectory() as folder, _players(Path(folder)) as players:
        plays = {precision: _plays(playing) for precision, playing in players.items()}
        for precision in plays:
            _round(plays[precision])  # warms up
        rounds = [{p: _round(plays[p]) for p in plays} for _ in progress(range(_ROUNDS), "in turns")]
    times = {p: {name: [each[p][name] for each in rounds] for name in plays[p]} for p in plays}
    medians = {p: {name: statistics.median(each) for name, each in of.items()} for p, of in times.items()}
    _draw(bench, medians)
    figures = [figure for precision in _PRECISIONS for figure in _figures(precision, medians[precision])]
    details = {p: {name: [round(1000 * s, 1) for s in each] for name, each in of.items()} for p, of in times.items()}
    return Result("recogniser", figures, {"tokens": _TOKENS, "processor_milliseconds": details})


def _round(plays: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    return {name: play() for name, play in plays.items()}


def _plays(players: _Players) -> Mapping[str, Callable[[], float]]:
    """What is measured, by name; ours and theirs alternate."""
    short, long = clip(5.0, 1), clip(30.0, 2)
    one, eight = Ask(short, _PROMPT, _TOKENS), [Ask(clip(5.0, seed), _PROMPT, _TOKENS) for seed in range(8)]
    fewer, forced = _TOKENS - _PREFIX_TOKENS, [*_PROMPT, *range(1000, 1000 + _PREFIX_TOKENS)]
    return {
        "5 s to tokens": lambda: players.seconds_of_ours([one]),
        "5 s to tokens, peer": lambda: players.seconds_of_theirs("short", _TOKENS),
        "30 s encoded": lambda: players.seconds_of_ours([Ask(long, [_START], 0)]),
        "30 s encoded, peer": lambda: players.seconds_of_theirs("long", 0),
        "eight at once": lambda: players.seconds_of_ours(eight),
        "fewer tokens": lambda: players.seconds_of_ours([Ask(short, _PROMPT, fewer)]),
        "fewer tokens, ten words forced": lambda: players.seconds_of_ours([Ask(short, forced, fewer)]),
    }


def _figures(precision: Precision, median: Mapping[str, float]) -> list[Figure]:
    def against(name: str, bar: bars.Bar | None) -> Figure:
        ours, theirs = median[name], median[f"{name}, peer"]
        note = f"{1000 * ours:.0f} ms, CTranslate2 {_PRECISIONS[precision]} {1000 * theirs:.0f} ms"
        return Figure(f"{precision}: {name}, speed against CTranslate2", theirs / ours, "", bar, note)

    decoded = median["5 s to tokens"] - median["fewer tokens"]
    forced = median["fewer tokens, ten words forced"] - median["fewer tokens"]
    barred = precision == "int8"
    return [
        against("5 s to tokens", bars.SHORT_CLIP_SPEED if barred else None),
        against("30 s encoded", bars.LONG_CLIP_SPEED if barred else None),
        Figure(
            f"{precision}: eight at once, speed against one by one",
            8 * median["5 s to tokens"] / median["eight at once"],
            "",
            bars.BATCH_SPEED[precision],
            f"{1000 * median['eight at once']:.0f} ms",
        ),
        Figure(
            f"{precision}: ten words forced, cost against decoding them",
            forced / decoded,
            "",
            bars.FORCED_COST,
            f"{1000 * forced:.1f} of {1000 * decoded:.1f} ms",
        ),
    ]


@contextlib.contextmanager
def _players(folder: Path) -> Iterator[Mapping[Precision, _Players]]:
    weights = random_weights(_TINY)
    _write(folder, weights)
    with contextlib.ExitStack() as running:
        players = {}
        for precision, compute_type in _PRECISIONS.items():
            graph = Runner(build(weights, _TINY, _options(precision)).SerializeToString())
            peer = running.enter_context(running_peer(folder, compute_type))
            players[precision] = _Players(graph, peer, folder)
        yield players


def _options(precision: Precision) -> GraphOptions:
    return GraphOptions(
        start=_START,
        end=_END,
        no_speech=_NO_SPEECH,
        languages=_LANGUAGES,
        suppressed=tuple(_SUPPRESSED),
        alignment_heads=((2, 2), (3, 0)),
        precision=precision,
    )


def _write(folder: Path, weights: Mapping[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    """What the peer reads: it knows special tokens by their names."""
    names = [f"word{number}" for number in range(_TINY.vocabulary)]
    names[_END], names[_START], names[_TRANSCRIBE] = "<|endoftext|>", "<|startoftranscript|>", "<|transcribe|>"
    names[_NO_SPEECH], names[_NO_TIMESTAMPS] = "<|nospeech|>", "<|notimestamps|>"
    config = {
        "encoder_layers": _TINY.encoder_layers,
        "encoder_attention_heads": _TINY.encoder_heads,
        "decoder_layers": _TINY.decoder_layers,
        "decoder_attention_heads": _TINY.decoder_heads,
        "vocabulary": names,
        "languages": list(_LANGUAGES),
    }
    np.savez(folder / "weights.npz", **weights)
    np.save(folder / "filters.npy", filters(_TINY.mels, 400, 16_000).astype(np.float32))
    (folder / "config.json").write_text(json.dumps(config))
    for name, samples in (("short", clip(5.0, 1)), ("long", clip(30.0, 2))):
        np.save(folder / f"{name}.npy", samples[None])


def _draw(bench: Bench, medians: Mapping[Precision, Mapping[str, float]]) -> None:
    drawing = Drawing(figsize=(9, 4), layout="constrained")
    for axes, (precision, median) in zip(drawing.subplots(1, len(medians)), medians.items(), strict=True):
        values = [1000 * seconds for seconds in median.values()]
        colours = ["tab:orange" if name.endswith("peer") else "tab:blue" for name in median]
        axes.barh(list(median), values, color=colours)
        axes.invert_yaxis()
        axes.set(title=f"{precision}, one thread", xlabel="processor time, ms")
    drawing.savefig(bench.picture("recogniser"), dpi=120)
