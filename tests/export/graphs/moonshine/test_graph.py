"""The graph of random weights: rows of a batch, forced words, and what cannot be meant."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest

from export.failure import ExportError
from export.graphs.moonshine.graph import build
from export.graphs.moonshine.shape import Shape, expected
from export.graphs.runtime import Runner
from export.graphs.sequence.options import Precision
from export.sources.moonshine_wheel import CONFIG
from tests.export.graphs.moonshine.checkpoint import END, SMALL, START, options, random_weights
from tests.export.graphs.whisper.asking import Ask, ask, clip, inputs

# Sums are added up in another order in another shape; what lies on the edge of two integers may then fall on the other
# side of it. The tokens are the same all the same.
TOLERANCE = {"fp32": 2e-5, "int8": 3e-2, "fp16": 3e-2}
FIRST_FRAME, FRAME = 895, 384
ASKS = (
    Ask(clip(1.0, 1), [START]),
    Ask(clip(2.9, 2), [START, 7, 8, 9], 20),
    Ask(clip(0.3, 3), [START, 5], 1),
    Ask(clip(0.005, 4), [START], 5),
    Ask(clip(1.7, 5), [START, 4, 5, 6, 7, 8, 11, 12, 13], 30),
    Ask(clip(2.1, 6), [START], 0),
    Ask(np.zeros(0, np.int16), [START], 3),
    Ask(clip(1.0, 1), [START], 30),
)


@cache
def graph(precision: Precision = "fp32") -> Runner:
    return Runner(build(random_weights(SMALL, seed=11), SMALL, options(precision)).SerializeToString())


@pytest.mark.parametrize("precision", get_args(Precision))
def test_a_row_gives_what_it_gives_alone(precision: Precision) -> None:
    together, tolerance = ask(graph(precision), *ASKS, spare=777), TOLERANCE[precision]
    longest_prompt = max(len(each.prompt) for each in ASKS)
    for row, each in enumerate(ASKS):
        alone = ask(graph(precision), each)
        count, places = alone["TOKEN"].shape[1], len(each.prompt)
        assert together["TOKEN"][row, :count].tolist() == alone["TOKEN"][0].tolist()
        assert (together["LOG_PROBABILITY"][row, count:] == 0).all()
        assert (together["PROMPT_LOG_PROBABILITY"][row, places:] == 0).all()
        frames = alone["ALIGNMENT"].shape[1]
        assert frames == max(0, len(each.samples) - FIRST_FRAME) // FRAME + 1
        found = together["ALIGNMENT"][row]
        generated = slice(longest_prompt, longest_prompt + count - 1)
        looked = np.concatenate([found[:frames, :places], found[:frames, generated]], axis=1)
        pairs = [
            (together["LOG_PROBABILITY"][row, :count], alone["LOG_PROBABILITY"][0]),
            (together["PROMPT_LOG_PROBABILITY"][row, :places], alone["PROMPT_LOG_PROBABILITY"][0]),
            (looked, alone["ALIGNMENT"][0, :, :-1]),
        ]
        assert not found[frames:].any()
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, atol=tolerance)


def test_int8_rows_are_bit_for_bit_what_they_are_alone() -> None:
    """Else a last bit decides which side of a rounding a value falls on, and a later token with it."""
    shape = replace(SMALL, width=256, inner=512, encoder_heads=4, decoder_heads=4)
    wide = Runner(build(random_weights(shape, seed=13), shape, options("int8")).SerializeToString())
    asks = [Ask(clip(seconds, seed), [START], 30) for seed, seconds in enumerate((1.3, 2.9, 1.7, 4.1, 2.3))]
    together = ask(wide, *asks)
    for row, each in enumerate(asks):
        for name, alone in ask(wide, each).items():
            if name != "ALIGNMENT":
                assert np.array_equal(together[name][row, : alone.shape[1]], alone[0]), name


def test_what_lies_behind_a_row_is_not_heard_by_any_norm() -> None:
    """The norm of the first convolution looks at all of a row, so a second of noise behind it would change it all."""
    short, long = (ask(graph(), ASKS[0], spare=spare) for spare in (0, 16_000))
    for name, values in short.items():
        np.testing.assert_allclose(long[name], values, atol=TOLERANCE["fp32"])


def test_forced_words_take_no_steps_and_leave_the_rest_as_it_was() -> None:
    free = ask(graph(), Ask(clip(2.0, 8), [START], 12))
    tokens = free["TOKEN"][0].tolist()
    assert END not in tokens[:6]
    forced = ask(graph(), Ask(clip(2.0, 8), [START, *tokens[:5]], 7))
    assert forced["TOKEN"][0].tolist() == tokens[5:]
    np.testing.assert_allclose(forced["LOG_PROBABILITY"][0], free["LOG_PROBABILITY"][0, 5:], atol=1e-5)
    np.testing.assert_allclose(forced["ALIGNMENT"][0], free["ALIGNMENT"][0], atol=1e-5)


def test_nothing_but_text_and_its_end_is_written() -> None:
    tokens = ask(graph(), *(Ask(clip(1.5, seed), [START], 30) for seed in range(8)))["TOKEN"]
    assert set(tokens.flat) <= {END, *range(3, 50)}
    assert len(set(tokens.flat)) > 3


def test_language_and_speech_are_taken_for_granted() -> None:
    """Nothing in these weights hears them."""
    found = ask(graph(), *ASKS[:2])
    assert found["LANGUAGE"].tolist() == [[1.0], [1.0]]
    assert found["NO_SPEECH"].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("LENGTH", -5, 0),
        ("LENGTH", 2**31 - 1, round(2.9 * 16_000)),
        ("PROMPT_LENGTH", 0, 1),
        ("PROMPT_LENGTH", 900, 4),
        ("MAX_TOKENS", -1, 0),
        ("MAX_TOKENS", 10_000, SMALL.target_positions - 3),
    ],
)
def test_a_wrong_number_counts_as_the_nearest_right_one(name: str, wrong: int, right: int) -> None:
    asked = inputs([Ask(clip(1.0, 1), [START, 5, 6], 4), ASKS[1]])
    found, expected_answer = (
        graph().run({**asked, name: np.array([[value], asked[name][1]], np.int32)}) for value in (wrong, right)
    )
    for each in expected_answer:
        np.testing.assert_array_equal(found[each], expected_answer[each])


def test_a_prompt_may_have_more_places_than_the_model_has_positions() -> None:
    asked = inputs([Ask(clip(1.0, 1), [START, 5], 4)])
    padded = {**asked, "PROMPT": np.pad(asked["PROMPT"], ((0, 0), (0, 3 * SMALL.target_positions)))}
    assert graph().run(padded)["TOKEN"].tolist() == graph().run(asked)["TOKEN"].tolist()


Change = Callable[[dict[str, Any]], object]
CHANGES: list[tuple[str, Change, str]] = [
    ("missing", lambda weights: weights.pop("model.decoder.norm.weight"), r"has no model\.decoder\.norm\.weight"),
    ("shape", lambda weights: weights.update({"model.encoder.conv3.bias": np.zeros(5)}), r"conv3\.bias has the shape"),
    ("number", lambda weights: weights["model.encoder.conv2.bias"].fill(np.nan), "not finite"),
]


@pytest.mark.parametrize(("change", "message"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES])
def test_weights_of_another_shape_are_refused(change: Change, message: str) -> None:
    weights = random_weights(SMALL)
    change(weights)
    with pytest.raises(ExportError, match=message):
        build(weights, SMALL, options())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": None}, "not one of a Moonshine model"),
        ({"encoder_hidden_act": "relu"}, "encoder_hidden_act is 'relu', only 'gelu'"),
        ({"decoder_num_key_value_heads": 2}, "the same number of heads"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_type is 'yarn'"),
    ],
)
def test_a_configuration_that_the_graph_does_not_know_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        Shape.from_config({**CONFIG, **changes})


def test_the_tiny_model_has_27_million_parameters() -> None:
    sizes = expected(Shape.from_config(CONFIG)).values()
    assert round(sum(int(np.prod(size)) for size in sizes) / 1e6) == 27
