"""A graph of the wheel's Moonshine against what PyTorch made of the same weights: each clip alone, and all together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.graphs.runtime import Runner
from export.parity.bundled import Array, Outputs, forced, inputs, load
from export.sources.moonshine_wheel import DECODER, MoonshineWheel

GOLDEN = Path(__file__).with_name("moonshine.npz")


def measure(model: bytes, source: Path) -> dict[str, float]:
    """The largest difference of a probability's logarithm or of a look at a frame."""
    golden = load(GOLDEN, MoonshineWheel(source.parent).sha256[DECODER])
    runner, clips = Runner(model), len(golden["samples"])
    together = runner.run(inputs(golden, range(clips)))
    to_reference = to_single = 0.0
    for clip in range(clips):
        alone = runner.run(inputs(golden, [clip]))
        to_reference = max(to_reference, difference(golden, clip, alone, 0), difference(golden, clip, together, clip))
        to_single = max(to_single, _apart(own(golden, clip, alone, 0), own(golden, clip, together, clip)))
    return {"max_difference": max(to_reference, to_single), "batched_to_single": to_single}


def difference(golden: Mapping[str, Any], clip: int, found: Outputs, row: int) -> float:
    """How far one row is from what PyTorch says; infinite where another token was chosen."""
    return _apart(own(golden, clip, found, row), tuple(golden[name][clip] for name in ("tokens", "scores", "looks")))


def own(golden: Mapping[str, Any], clip: int, found: Outputs, row: int) -> tuple[Array, Array, Array]:
    """A row's tokens behind the start, their log-probabilities, and each one's looks at its frames, without padding."""
    tokens, frames = golden["tokens"][clip], golden["looks"][clip].shape[1]
    given, places = forced(tokens), found["PROMPT_LOG_PROBABILITY"].shape[1]
    generated = len(tokens) - given
    scores = [found["PROMPT_LOG_PROBABILITY"][row, 1:given], found["LOG_PROBABILITY"][row, :generated]]
    columns = [*range(given), *range(places, places + generated - 1)]
    return (
        np.concatenate([tokens[:given], found["TOKEN"][row, :generated]]),
        np.concatenate(scores),
        found["ALIGNMENT"][row, :frames, columns],
    )


def _apart(one: tuple[Array, ...], other: tuple[Array, ...]) -> float:
    if any(a.shape != b.shape for a, b in zip(one, other, strict=True)) or list(one[0]) != list(other[0]):
        return float("inf")
    return max(float(np.abs(a - b).max()) for a, b in zip(one[1:], other[1:], strict=True))
