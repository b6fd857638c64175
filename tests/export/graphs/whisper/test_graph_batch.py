"""A row of a batch gives what it gives alone, whatever lies beside it and behind it."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from export.graphs.runtime import Runner
from export.graphs.sequence.options import Precision
from export.graphs.whisper.graph import build
from tests.export.graphs.whisper.asking import Ask, ask, clip
from tests.export.graphs.whisper.checkpoint import (
    LANGUAGES,
    NO_TIMESTAMPS,
    PREVIOUS,
    PROMPT,
    SMALL,
    START,
    TRANSCRIBE,
    options,
    random_weights,
)

ASKS = (
    Ask(clip(1.0, 1)),
    Ask(clip(2.9, 2), [START, -1, TRANSCRIBE, NO_TIMESTAMPS, 7, 8, 9], 20),
    Ask(clip(0.3, 3), [START, LANGUAGES[2], TRANSCRIBE, NO_TIMESTAMPS], 1),
    Ask(clip(0.005, 4), max_tokens=5),
    Ask(clip(1.7, 5), [PREVIOUS, 4, 5, 6, 7, 8, *PROMPT], 30),
    Ask(clip(2.1, 6), max_tokens=0),
    Ask(np.zeros(0, np.int16), [START], 3),
    Ask(clip(1.0, 1), max_tokens=30),
)
# Sums are added up in another order in another shape; what lies on the edge of two integers may then fall on the other
# side of it. The tokens are the same all the same.
TOLERANCE = {"fp32": 2e-5, "int8": 3e-2, "fp16": 3e-2}


@pytest.fixture(scope="module", params=get_args(Precision))
def precision(request: pytest.FixtureRequest) -> Precision:
    chosen: Precision = request.param
    return chosen


@pytest.mark.parametrize("classes", [0, 9], ids=["attention", "ctc"])
def test_a_row_gives_what_it_gives_alone(precision: Precision, classes: int) -> None:
    weights = random_weights(SMALL, seed=11, ctc_classes=classes)
    graph = Runner(build(weights, SMALL, options(precision)).SerializeToString())
    together, tolerance = ask(graph, *ASKS, spare=777), TOLERANCE[precision]
    longest_prompt = max(len(each.prompt) for each in ASKS)
    for row, each in enumerate(ASKS):
        alone = ask(graph, each)
        count, places = alone["TOKEN"].shape[1], len(each.prompt)
        assert together["TOKEN"][row, :count].tolist() == alone["TOKEN"][0].tolist()
        assert (together["LOG_PROBABILITY"][row, count:] == 0).all()
        assert (together["PROMPT_LOG_PROBABILITY"][row, places:] == 0).all()
        pairs = [
            (together["LOG_PROBABILITY"][row, :count], alone["LOG_PROBABILITY"][0]),
            (together["PROMPT_LOG_PROBABILITY"][row, :places], alone["PROMPT_LOG_PROBABILITY"][0]),
            (together["LANGUAGE"][row], alone["LANGUAGE"][0]),
            (together["NO_SPEECH"][row], alone["NO_SPEECH"][0]),
        ]
        frames = alone["ALIGNMENT"].shape[1]
        found = together["ALIGNMENT"][row]
        if classes:
            pairs.append((found[:frames], alone["ALIGNMENT"][0]))
            assert (found[frames:].argmax(-1) == 0).all()
        else:
            generated = slice(longest_prompt, longest_prompt + count - 1)
            looked = np.concatenate([found[:frames, :places], found[:frames, generated]], axis=1)
            pairs.append((looked, alone["ALIGNMENT"][0, :, :-1]))
            assert not found[frames:].any()
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_int8_rows_are_bit_for_bit_what_they_are_alone() -> None:
    """Else a last bit decides which side of a rounding a value falls on, and a later token with it."""
    shape = replace(SMALL, width=256, encoder_heads=4, decoder_heads=4)
    graph = Runner(build(random_weights(shape, seed=13), shape, options("int8")).SerializeToString())
    detected = [START, -1, TRANSCRIBE, NO_TIMESTAMPS]
    asks = [
        Ask(clip(seconds, seed), PROMPT if seed % 3 else detected, 30)
        for seed, seconds in enumerate((1.0, 2.9, 0.3, 1.7, 2.1, 1.3, 0.8))
    ]
    together = ask(graph, *asks)
    for row, each in enumerate(asks):
        for name, alone in ask(graph, each).items():
            if name != "ALIGNMENT":
                assert np.array_equal(together[name][row, : alone.shape[1]], alone[0]), name


def sums_saturate() -> bool:
    """Without VNNI, ONNX Runtime adds products of bytes up in 16 bits on x86."""
    flags = Path("/proc/cpuinfo").read_text()
    return "avx2" in flags and "vnni" not in flags


def test_int8_stays_near_single_precision() -> None:
    weights = random_weights(SMALL, seed=12, ctc_classes=9)
    exact, rounded = (
        ask(Runner(build(weights, SMALL, options(precision)).SerializeToString()), *ASKS)
        for precision in ("fp32", "int8")
    )
    allowance = 3 if sums_saturate() else 1
    assert np.abs(exact["LANGUAGE"] - rounded["LANGUAGE"]).max() < 0.1 * allowance
    assert 0 < np.abs(exact["ALIGNMENT"][0, :50] - rounded["ALIGNMENT"][0, :50]).mean() < 0.2 * allowance
