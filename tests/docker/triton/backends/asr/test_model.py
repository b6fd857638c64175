"""The backend `asr` inside the real Triton, in front of a graph whose answers are scripted."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tritonclient.utils import InferenceServerException

from tests.docker.scripted_graph import Script
from tests.recogniser import ask, ask_together, number, words
from tests.triton_server import TritonAddress

SECONDS = 4
HELLO, SEÑOR, NOISE, LOOP, PAUSE, TRANSLATED, ENDLESS = range(1, 8)
UNSCRIPTED = 99
SCRIPTS = [
    Script(""),
    Script("hello to you", [10, 13, 16, 19, 22, 24, 30, 33, 36, 40, 43, 46]),
    Script("el niño", language=0.2, log_probability=-0.2),
    Script("thanks", no_speech=0.95),
    Script("it was " + "so good " * 14, heard="it was so good"),
    Script("yes. no maybe", [5, 8, 11, 14, 16, 20, 23, 26, 100, 103, 106, 109, 112]),
    Script("four words for three", heard="tres palabras"),
    Script("".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz ", k=120))),
]
CONCURRENT = 12


def audio(script: int, seconds: float = SECONDS) -> npt.NDArray[np.int16]:
    """The script's number, then some sound."""
    samples = np.random.default_rng(script).integers(-3000, 3000, max(1, round(seconds * 16_000))).astype(np.int16)
    samples[0] = script
    return samples[None]


def test_words_come_with_times_and_confidences(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(HELLO))
    assert words(answer) == [" hello", " to", " you"]
    np.testing.assert_allclose(answer["START"][0], [0.20, 0.60, 0.80], atol=1e-6)
    np.testing.assert_allclose(answer["END"][0], [0.48, 0.70, 0.96], atol=1e-6)
    # A letter has a log-probability of -0.1, and a word but the first begins with a space that is a letter too.
    np.testing.assert_allclose(answer["CONFIDENCE"][0], np.exp([-0.5, -0.3, -0.4]), rtol=1e-5)
    assert answer["SEGMENT"][0].tolist() == [0, 0, 0]
    assert answer["LANGUAGE"][0, 0] == b"en"
    assert answer["LANGUAGE_PROBABILITY"][0, 0] == pytest.approx(0.9)
    assert answer["AVERAGE_LOG_PROBABILITY"][0, 0] == pytest.approx(-0.1)
    assert not answer["TRUNCATED"][0, 0]


def test_concurrent_requests_are_one_call_of_the_graph_and_each_gets_its_own_answer(triton: TritonAddress) -> None:
    scripts = [HELLO, SEÑOR, PAUSE] * 4
    inputs: list[dict[str, Any]] = [
        {"AUDIO": audio(script, 1.5 + place / 4), "LANGUAGE": "es" if script == SEÑOR else ""}
        for place, script in enumerate(scripts)
    ]
    before, _ = triton.counts("whisper")
    alone = [ask(triton, **each) for each in inputs]
    together = triton.until_shared(
        "whisper", CONCURRENT, lambda: ask_together(triton, inputs), asked_rows=before + CONCURRENT
    )
    for one, other in zip(alone, together, strict=True):
        for name, values in one.items():
            assert np.array_equal(values, other[name]), name


def test_bad_requests_do_not_fail_their_neighbours(triton: TritonAddress) -> None:
    barrier = threading.Barrier(CONCURRENT)
    inputs: list[dict[str, Any]] = [{"AUDIO": audio(HELLO), "LANGUAGE": "en"} for _ in range(CONCURRENT)]
    inputs[3]["LANGUAGE"] = "xx"
    inputs[7]["AUDIO"] = audio(UNSCRIPTED)  # the graph fails on it

    def at_once(each: Mapping[str, Any]) -> str:
        barrier.wait()
        try:
            return "".join(words(ask(triton, **each)))
        except InferenceServerException as error:
            return str(error.status())

    with ThreadPoolExecutor(CONCURRENT) as threads:
        answers = list(threads.map(at_once, inputs))
    expected = [" hello to you"] * CONCURRENT
    expected[3], expected[7] = "StatusCode.INVALID_ARGUMENT", "StatusCode.INTERNAL"
    assert answers == expected


def test_the_rows_of_one_request_are_filled_up_to_the_longest(triton: TritonAddress) -> None:
    two = np.concatenate([audio(HELLO), audio(SEÑOR)])
    answer = ask(triton, AUDIO=two, LENGTH=np.full((2, 1), two.shape[1], np.int32))
    assert answer["WORD"].tolist() == [[b" hello", b" to", b" you"], [b" el", " niño".encode(), b""]]
    assert answer["SEGMENT"].tolist() == [[0, 0, 0], [0, 0, -1]]
    assert answer["LANGUAGE"].tolist() == [[b"en"], [b"es"]]


def test_rows_of_one_request_may_want_different_things(triton: TritonAddress) -> None:
    rows = np.concatenate([audio(HELLO), audio(HELLO), audio(TRANSLATED)])
    answer = ask(
        triton,
        AUDIO=rows,
        LENGTH=np.array([[0], [rows.shape[1]], [rows.shape[1]]], np.int32),
        LANGUAGE=np.array([["es"], [""], ["en"]], np.object_),
        TASK=np.array([[""], ["transcribe"], ["translate"]], np.object_),
        PREFIX=np.array([["ignored"], ["hell"], [""]], np.object_),
    )
    found = [[word.decode() for word in row if word] for row in answer["WORD"]]
    assert found == [[], [" hell", " to", " you"], [" four", " words", " for", " three"]]
    assert answer["LANGUAGE"].tolist() == [[b"es"], [b"en"], [b"en"]]
    assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1


def test_only_the_requested_outputs_are_sent(triton: TritonAddress) -> None:
    data = audio(HELLO)
    inputs = [
        {"name": "AUDIO", "datatype": "INT16", "shape": [1, data.size], "data": data[0].tolist()},
        {"name": "LENGTH", "datatype": "INT32", "shape": [1, 1], "data": [data.size]},
    ]
    body = {"inputs": inputs, "outputs": [{"name": "LANGUAGE"}]}
    _status, answer = triton.call("POST", "/v2/models/asr/infer", body)
    assert [(output["name"], output["data"]) for output in answer["outputs"]] == [("LANGUAGE", ["en"])]


def test_a_sentence_end_and_a_pause_begin_a_segment(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(PAUSE))
    assert list(zip(words(answer), answer["SEGMENT"][0].tolist(), strict=True)) == [
        (" yes.", 0),
        (" no", 1),
        (" maybe", 2),
    ]


def test_probably_no_speech_gives_no_words(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(NOISE))
    assert words(answer) == []
    assert answer["START"].shape == (1, 0)
    assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1, "whatever its limit, which nobody else need know"


@pytest.mark.parametrize(
    "samples",
    [np.zeros((1, 0)), np.full((1, 160), 900), np.zeros((1, 32_000)), np.full((1, 32_000), HELLO)],
    ids=["empty", "10 ms", "digital silence", "a constant"],
)
def test_where_nothing_can_be_heard_there_are_no_words(triton: TritonAddress, samples: npt.NDArray[Any]) -> None:
    answer = ask(triton, AUDIO=samples.astype(np.int16), LANGUAGE="es")
    assert words(answer) == []
    assert answer["NO_SPEECH_PROBABILITY"][0, 0] == 1
    assert answer["LANGUAGE"][0, 0] == b"es"
    assert not answer["TRUNCATED"][0, 0]


def test_a_loop_is_cut_after_its_first_round(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(LOOP))
    assert "".join(words(answer)) == " it was so good"
    assert answer["TRUNCATED"][0, 0]


def test_text_never_runs_on_where_so_much_cannot_have_been_said(triton: TritonAddress) -> None:
    short, long = (ask(triton, AUDIO=audio(ENDLESS, seconds)) for seconds in (1, SECONDS))
    assert len("".join(words(short))) <= 1 + 16 + 25  # letters, and the space in front
    assert short["TRUNCATED"][0, 0]
    assert len("".join(words(long))) > 100
    assert float(short["END"].max()) <= 1


def test_the_client_may_limit_the_tokens(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(HELLO), MAX_TOKENS=number(7))
    assert words(answer) == [" hello", " t"]
    assert answer["TRUNCATED"][0, 0]
    assert words(ask(triton, AUDIO=audio(HELLO), MAX_TOKENS=number(100))) == [" hello", " to", " you"]


def test_a_prefix_comes_first_with_times_and_confidences_of_its_own(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(HELLO), PREFIX=["hello", ""])
    assert words(answer) == [" hello", " to", " you"]
    np.testing.assert_allclose(answer["CONFIDENCE"][0], np.exp([-1.0, -0.3, -0.4]), rtol=1e-5)
    np.testing.assert_allclose(answer["START"][0], [0.20, 0.60, 0.80], atol=1e-6)


def test_letters_after_a_prefix_do_not_extend_its_last_word(triton: TritonAddress) -> None:
    assert words(ask(triton, AUDIO=audio(HELLO), PREFIX=["hell"])) == [" hell", " to", " you"]


def test_words_of_a_translation_share_the_spoken_stretch(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(TRANSLATED), TASK="translate")
    starts, ends = answer["START"][0], answer["END"][0]
    assert words(answer) == [" four", " words", " for", " three"]
    assert (starts[1:] >= ends[:-1]).all()
    assert (ends > starts).all()
    # "tres palabras" is heard from 0.1 to 0.86 s, and a little around it counts as speech.
    assert ends[-1] == pytest.approx(1.06, abs=0.05)


def test_word_times_can_be_left_out(triton: TritonAddress) -> None:
    answer = ask(triton, AUDIO=audio(PAUSE), WORD_TIMES=np.array([[False]]))
    assert words(answer) == [" yes.", " no", " maybe"]
    assert not answer["START"].any()
    assert not answer["END"].any()


def test_language_identification_is_tempered_and_ordered_as_the_manifest_says(triton: TritonAddress) -> None:
    answer = ask(triton, "language_id", AUDIO=audio(SEÑOR))
    odds = np.sqrt([0.2, 0.8])  # a temperature of 2
    np.testing.assert_allclose(answer["PROBABILITY"][0], odds / odds.sum(), rtol=1e-5)
    assert b'"language_id"' in answer["MANIFEST"][0, 0]


@pytest.mark.parametrize("model", ["asr", "language_id"])
def test_any_sound_gives_an_answer(triton: TritonAddress, model: str) -> None:
    generator = np.random.default_rng(1)
    for seconds, peak in itertools.product((0.1, 1, 30), (9, 32_767)):
        samples = generator.integers(-peak, peak, (1, round(seconds * 16_000)), endpoint=True).astype(np.int16)
        samples[0, 0] = HELLO
        ask(triton, model, AUDIO=samples)
