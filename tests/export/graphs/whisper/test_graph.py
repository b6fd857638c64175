"""The graph says what plain numpy says, for every kind of checkpoint, and does what a prompt and a maximum ask."""

import dataclasses
import functools

import numpy as np
import pytest

from export.failure import ExportError
from export.graphs.runtime import Runner
from export.graphs.whisper.graph import build
from export.graphs.whisper.shape import Shape
from tests.export.graphs.whisper.asking import Ask, ask, clip, inputs
from tests.export.graphs.whisper.checkpoint import (
    END,
    LANGUAGES,
    NO_SPEECH,
    NO_TIMESTAMPS,
    PREVIOUS,
    PROMPT,
    SMALL,
    START,
    TRANSCRIBE,
    options,
    random_weights,
)
from tests.export.graphs.whisper.reference import Array, Reference, log_softmax

KINDS = {
    "multilingual": (SMALL, 0),
    "with a CTC head": (SMALL, 7),
    "128 mels": (dataclasses.replace(SMALL, mels=128), 0),
    "other heads and layers": (dataclasses.replace(SMALL, encoder_heads=4, decoder_heads=3, decoder_layers=3), 0),
}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(random_weights(SMALL, ctc_classes=7), SMALL)


@pytest.fixture(scope="module")
def graph(reference: Reference) -> Runner:
    return Runner(build(reference.weights, SMALL, options()).SerializeToString())


def greedy(reference: Reference, heard: Array, prompt: list[int], most: int) -> tuple[list[int], list[float]]:
    """Tokens and log-probabilities, the end among them where it came."""
    tokens, scores = list(prompt), list[float]()
    while len(scores) < most and tokens[-1] != END:
        logits = reference.decode(tokens, heard)[0][-1]
        logits[51:] = -np.inf
        tokens.append(int(logits.argmax()))
        scores.append(float(log_softmax(logits)[tokens[-1]]))
    return tokens[len(prompt) :], scores


@functools.cache
def both(kind: str) -> tuple[Reference, Runner]:
    shape, classes = KINDS[kind]
    reference = Reference(random_weights(shape, seed=len(kind), ctc_classes=classes), shape)
    return reference, Runner(build(reference.weights, shape, options()).SerializeToString())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [0.41, 1.0, 2.9999])
def test_it_says_what_plain_numpy_says(kind: str, seconds: float) -> None:
    reference, graph = both(kind)
    samples = clip(seconds, seed=7)
    found = ask(graph, Ask(samples), spare=999)
    heard = reference.encode(samples)
    tokens, scores = greedy(reference, heard, PROMPT, 12)
    assert found["TOKEN"][0].tolist() == tokens
    np.testing.assert_allclose(found["LOG_PROBABILITY"][0], scores, atol=1e-4)
    logits = reference.decode([*PROMPT, *tokens], heard)[0]
    expected = [log_softmax(logits[place])[token] for place, token in enumerate(PROMPT[1:])]
    np.testing.assert_allclose(found["PROMPT_LOG_PROBABILITY"][0, 1:], expected, atol=1e-4)
    np.testing.assert_allclose(found["LANGUAGE"][0], np.exp(log_softmax(logits[0, list(LANGUAGES)])), atol=1e-5)
    np.testing.assert_allclose(found["NO_SPEECH"][0, 0], np.exp(log_softmax(logits[0]))[NO_SPEECH], atol=1e-5)
    if KINDS[kind][1]:
        np.testing.assert_allclose(found["ALIGNMENT"][0], reference.ctc(heard), atol=1e-4)


def test_attention_alignment_is_the_mean_of_the_chosen_heads_looks() -> None:
    reference = Reference(random_weights(SMALL, seed=5), SMALL)
    heads = ((0, 1), (1, 0))
    graph = Runner(build(reference.weights, SMALL, options(alignment_heads=heads)).SerializeToString())
    samples = clip(1.3, seed=2)
    found = ask(graph, Ask(samples, [START, -1, TRANSCRIBE, NO_TIMESTAMPS], 6))
    language = LANGUAGES[int(found["LANGUAGE"][0].argmax())]
    tokens = [START, language, TRANSCRIBE, NO_TIMESTAMPS, *found["TOKEN"][0].tolist()]
    looks = reference.decode(tokens[:-1], reference.encode(samples))[1]
    expected = np.mean([looks[layer][head] for layer, head in heads], axis=0).T
    assert found["ALIGNMENT"].shape[2] == len(tokens)
    np.testing.assert_allclose(found["ALIGNMENT"][0, :, :-1], expected, atol=1e-5)
    assert not found["ALIGNMENT"][0, :, -1].any()


def test_without_chosen_heads_those_of_the_upper_layers_are_watched() -> None:
    weights = random_weights(SMALL)
    chosen = tuple((1, head) for head in range(SMALL.decoder_heads))
    graphs = [
        Runner(build(weights, SMALL, options(alignment_heads=heads)).SerializeToString()) for heads in (None, chosen)
    ]
    usual, named = (ask(graph, Ask(clip(1.0)))["ALIGNMENT"] for graph in graphs)
    np.testing.assert_array_equal(usual, named)


def test_an_unknown_language_is_heard_and_its_token_put_into_the_prompt(graph: Runner) -> None:
    samples = clip(1.2, seed=3)
    heard = ask(graph, Ask(samples, [START, -1, TRANSCRIBE, NO_TIMESTAMPS]))
    language = LANGUAGES[int(heard["LANGUAGE"][0].argmax())]
    given = ask(graph, Ask(samples, [START, language, TRANSCRIBE, NO_TIMESTAMPS]))
    assert heard["TOKEN"].tolist() == given["TOKEN"].tolist()
    for name in ("LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH"):
        np.testing.assert_allclose(heard[name], given[name], atol=1e-5)


def test_forced_words_are_followed_by_what_would_have_followed(reference: Reference) -> None:
    endless = options(suppressed=tuple(range(END, SMALL.vocabulary)))
    graph = Runner(build(reference.weights, SMALL, endless).SerializeToString())
    samples = clip(1.5, seed=4)
    free = ask(graph, Ask(samples))
    said = free["TOKEN"][0].tolist()
    assert len(said) == 12
    forced = ask(graph, Ask(samples, [*PROMPT, *said[:4]], 12 - 4))
    assert forced["TOKEN"][0].tolist() == said[4:]
    np.testing.assert_allclose(forced["LOG_PROBABILITY"][0], free["LOG_PROBABILITY"][0, 4:], atol=1e-5)


def test_a_text_may_end_behind_forced_words_though_none_may_begin_with_its_end() -> None:
    weights = random_weights(SMALL, seed=2)
    weights["model.decoder.embed_tokens.weight"][END] *= 2.2  # it likes to end
    free, bound = (
        Runner(build(weights, SMALL, options(suppressed_at_first=first)).SerializeToString()) for first in ((), (END,))
    )
    ended = 0
    for seed in range(20):
        samples = clip(1.0, seed=seed)
        assert ask(bound, Ask(samples))["TOKEN"][0, 0] != END
        said = ask(free, Ask(samples, [*PROMPT, 7], 20))["TOKEN"][0].tolist()
        if END in said:
            ended += 1
            whole = Ask(samples, [*PROMPT, 7, *said[: said.index(END)]], 20)
            begun = Ask(clip(0.5, seed=seed), max_tokens=3)
            assert ask(bound, whole)["TOKEN"][0].tolist() == [END]
            assert ask(bound, begun, whole)["TOKEN"][:, 0].tolist() == [ask(bound, begun)["TOKEN"][0, 0], END]
    assert ended >= 3


def test_words_that_were_not_heard_can_be_forced_and_are_found_unlikely(reference: Reference, graph: Runner) -> None:
    samples, unheard = clip(1.0, seed=5), [3, 1, 4, 1, 5]
    found = ask(graph, Ask(samples, [*PROMPT, *unheard], 5))
    heard = reference.encode(samples)
    logits = reference.decode([*PROMPT, *unheard], heard)[0]
    expected = [log_softmax(logits[3 + place])[token] for place, token in enumerate(unheard)]
    np.testing.assert_allclose(found["PROMPT_LOG_PROBABILITY"][0, 4:], expected, atol=1e-4)
    assert found["TOKEN"][0].tolist() == greedy(reference, heard, [*PROMPT, *unheard], 5)[0]


def test_previous_text_counts_for_the_words_and_not_for_the_language(reference: Reference, graph: Runner) -> None:
    samples, before = clip(1.0, seed=6), [PREVIOUS, 9, 8, 7]
    found, alone = ask(graph, Ask(samples, [*before, *PROMPT])), ask(graph, Ask(samples))
    assert found["TOKEN"][0].tolist() == greedy(reference, reference.encode(samples), [*before, *PROMPT], 12)[0]
    np.testing.assert_allclose(found["LANGUAGE"], alone["LANGUAGE"], atol=1e-6)
    np.testing.assert_allclose(found["NO_SPEECH"], alone["NO_SPEECH"], atol=1e-6)
    assert not found["PROMPT_LOG_PROBABILITY"][0, : len(before) + 1].any()
    assert (found["PROMPT_LOG_PROBABILITY"][0, len(before) + 1 :] < 0).all()


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_tokens_come_than_were_asked_for(graph: Runner, most: int) -> None:
    free = ask(graph, Ask(clip(1.0, seed=4)))["TOKEN"][0]
    found = ask(graph, Ask(clip(1.0, seed=4), max_tokens=most))
    assert found["TOKEN"][0].tolist() == (free[:most].tolist() or [END])
    assert (found["LOG_PROBABILITY"][0] == 0).tolist() == ([False] * most or [True])


def test_the_model_has_only_so_many_positions(graph: Runner) -> None:
    prompt = [*PROMPT, *[5] * (SMALL.target_positions - 6)]
    assert ask(graph, Ask(clip(1.0), prompt, 100))["TOKEN"].shape[1] <= 2
    assert ask(graph, Ask(clip(1.0), [*prompt, *[5] * 90], 100))["TOKEN"].tolist() == [[END]]


def test_start_of_transcript_alone_gives_the_language(graph: Runner) -> None:
    alone = ask(graph, Ask(clip(1.0), [START], 0))
    np.testing.assert_allclose(alone["LANGUAGE"], ask(graph, Ask(clip(1.0)))["LANGUAGE"], atol=1e-6)
    assert alone["TOKEN"].tolist() == [[END]]


def test_suppressed_tokens_are_never_said_and_some_not_first() -> None:
    weights, samples = random_weights(SMALL, seed=1), clip(1.0, seed=1)
    said = ask(Runner(build(weights, SMALL, options()).SerializeToString()), Ask(samples))["TOKEN"][0].tolist()
    forbidden = options(suppressed=(*range(51, 60), said[0]))
    graph = Runner(build(weights, SMALL, forbidden).SerializeToString())
    assert said[0] not in ask(graph, Ask(samples))["TOKEN"][0]
    not_first = Runner(build(weights, SMALL, options(suppressed_at_first=(said[0],))).SerializeToString())
    assert ask(not_first, Ask(samples))["TOKEN"][0, 0] == ask(graph, Ask(samples))["TOKEN"][0, 0] != said[0]


def test_an_english_only_model_has_one_language_and_may_lack_the_no_speech_token() -> None:
    weights = random_weights(SMALL)
    graph = Runner(build(weights, SMALL, options(languages=(), no_speech=None)).SerializeToString())
    found = ask(graph, Ask(clip(1.0), [START, NO_TIMESTAMPS]), Ask(clip(0.5), [START, NO_TIMESTAMPS]))
    assert found["LANGUAGE"].tolist() == [[1.0], [1.0]]
    assert found["NO_SPEECH"].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("samples", [0, 1, 100, 160, 399])
def test_next_to_nothing_gives_finite_numbers(graph: Runner, samples: int) -> None:
    for audio in (np.zeros(samples, np.int16), clip(1.0)[:samples]):
        found = ask(graph, Ask(audio))
        assert all(np.isfinite(array).all() for array in found.values())
        assert found["ALIGNMENT"].shape[1] == 1


def test_wrong_lengths_and_ids_are_taken_as_the_nearest_right_ones(graph: Runner) -> None:
    right = inputs([Ask(clip(1.0)), Ask(clip(1.0, seed=1))])
    wrong = {name: array.copy() for name, array in right.items()}
    wrong["LENGTH"][0], wrong["PROMPT_LENGTH"][0], wrong["PROMPT"][0, 1] = 10**9, 99, 10**6
    found, expected = graph.run(wrong), graph.run(right)
    assert found["TOKEN"][1].tolist()[: expected["TOKEN"].shape[1]] == expected["TOKEN"][1].tolist()
    np.testing.assert_allclose(found["LANGUAGE"], expected["LANGUAGE"], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mels": 128}, r"conv1.weight has the shape \(48, 80, 3\), config.json wants \(48, 128, 3\)"),
        ({"decoder_layers": 3}, r"no model.decoder.layers.2"),
        ({"vocabulary": 61}, r"embed_tokens.weight has the shape"),
    ],
)
def test_weights_of_another_shape_are_refused(change: dict[str, int], message: str) -> None:
    shape: Shape = dataclasses.replace(SMALL, **change)
    with pytest.raises(ExportError, match=message):
        build(random_weights(SMALL), shape, options())


def test_weights_that_are_not_finite_are_refused() -> None:
    weights = random_weights(SMALL)
    weights["model.encoder.conv1.bias"][3] = np.nan
    with pytest.raises(ExportError, match="not finite"):
        build(weights, SMALL, options())
