"""The two families outside Triton: what they ask a graph, and what they make of its answer."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from docker.triton.backends.asr.recognition import prompt
from docker.triton.backends.asr.recognition.families import recogniser
from docker.triton.backends.asr.recognition.graph import inputs
from docker.triton.backends.asr.recognition.manifest import Manifest, ManifestError
from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from docker.triton.backends.asr.recognition.wish import RequestError, Wish
from tests.docker.scripted_graph import (
    END,
    ENGLISH,
    LETTERS,
    PREVIOUS,
    SPANISH,
    START,
    TRANSCRIBE,
    TRANSLATE,
    Script,
    manifest_of,
    tokenizer,
)  # fmt: skip

VOCABULARY = Vocabulary(tokenizer())
SOUND = np.random.default_rng(0).integers(-999, 999, 64_000).astype(np.int16)


def manifest(**changes: Any) -> Manifest:
    return Manifest.parse(json.dumps({**manifest_of("asr"), **changes}))


def letters(text: str) -> list[int]:
    return [LETTERS.index(letter) for letter in text]


def test_a_ctc_graphs_best_letters_become_words() -> None:
    script = Script("hello you", [10, 13, 16, 19, 22, 30, 40, 43, 46])
    answer = {"LOG_PROBABILITY": script.frames()[None], "FRAMES": np.array([[200]])}
    family = recogniser(manifest(family="ctc", languages=["en"], tokens=None), VOCABULARY)
    wish = Wish(SOUND)
    (transcript,) = family.transcripts([wish], [family.row(wish)], answer)
    assert transcript.words == (" hello", " you")
    np.testing.assert_allclose(transcript.starts, [0.2, 0.8])
    np.testing.assert_allclose(transcript.ends, [0.48, 0.96])
    np.testing.assert_allclose(transcript.confidences, [0.99**5, 0.99**4], rtol=1e-4)
    assert transcript.language == "en"
    assert not transcript.truncated


def test_a_ctc_graph_that_hears_nothing_gives_no_words() -> None:
    answer = {"LOG_PROBABILITY": Script("").frames()[None], "FRAMES": np.array([[200]])}
    family = recogniser(manifest(family="ctc", languages=["en"], tokens=None), VOCABULARY)
    wish = Wish(SOUND)
    (transcript,) = family.transcripts([wish], [family.row(wish)], answer)
    assert transcript.words == ()
    assert transcript.no_speech_probability == 1


def test_attention_gives_word_times_where_there_is_no_ctc_head() -> None:
    family = recogniser(manifest(alignment="attention", ctc=None), VOCABULARY)
    wish = Wish(SOUND, language="en", prefix=("hi",))
    row = family.row(wish)
    said = letters(" you")
    # The prompt is start, language, task, "h", "i"; each position looks where the token after it is said.
    attention = np.full((1, 200, 5 + 5), 0.01, np.float32)
    for frames, position in [((20, 30), 2), ((30, 40), 3), ((40, 100), 4), ((100, 110), 5), ((110, 120), 6),
                             ((120, 130), 7), ((130, 200), 8)]:  # fmt: skip
        attention[0, slice(*frames), position] = 0.9
    answer = {
        "TOKEN": np.array([[*said, END]]),
        "LOG_PROBABILITY": np.full((1, 5), -0.1, np.float32),
        "PROMPT_LOG_PROBABILITY": np.full((1, 5), -0.2, np.float32),
        "LANGUAGE": np.array([[0.9, 0.1]], np.float32),
        "NO_SPEECH": np.array([[0.0]], np.float32),
        "ALIGNMENT": attention,
    }
    (transcript,) = family.transcripts([wish], [row], answer)
    assert transcript.words == (" hi", " you")
    assert transcript.ends[0] == pytest.approx(0.8, abs=0.06)
    assert transcript.ends[1] == pytest.approx(2.6, abs=0.06)
    assert transcript.starts[1] == pytest.approx(0.8, abs=0.06)


def test_the_prompt_has_previous_text_language_task_and_prefix() -> None:
    wish = Wish(SOUND, language="es", task="translate", prompt="ab", prefix=(" c", "d"))
    row = prompt.row(wish, manifest(), VOCABULARY)
    assert row.prompt == (PREVIOUS, *letters("ab"), START, SPANISH, TRANSLATE, *letters("c d"))
    assert row.forced == 3
    assert prompt.row(Wish(SOUND), manifest(), VOCABULARY).prompt == (START, -1, TRANSCRIBE)


def test_what_a_model_cannot_is_left_out_of_its_prompt() -> None:
    english = manifest(
        languages=["en"],
        tokens={**manifest_of("asr")["tokens"], "languages": None, "tasks": None},
        capabilities={"prompt": False, "prefix": False},
    )
    wish = Wish(SOUND, prompt="ab", prefix=("c",))
    assert prompt.row(wish, english, VOCABULARY).prompt == (START,)


def test_hotwords_stand_in_the_previous_text_and_long_text_loses_its_beginning() -> None:
    able = manifest(capabilities={"prompt": True, "prefix": True, "hotwords": True})
    row = prompt.row(Wish(SOUND, language="en", prompt="x", hotwords=("ab", "cd")), able, VOCABULARY)
    assert row.prompt == (PREVIOUS, *letters("ab, cd x"), START, ENGLISH, TRANSCRIBE)
    long = prompt.row(Wish(SOUND, language="en", prompt="ab " * 500 + "end"), able, VOCABULARY)
    assert len(long.prompt) == 100 + 3
    assert long.prompt[-6:] == (*letters("end"), START, ENGLISH, TRANSCRIBE)
    assert long.max_tokens > 0


def test_special_tokens_in_a_clients_text_give_the_decoder_no_orders() -> None:
    row = prompt.row(Wish(SOUND, language="en", prompt="a<es>b<end>"), manifest(), VOCABULARY)
    assert row.prompt == (PREVIOUS, *letters("ab"), START, ENGLISH, TRANSCRIBE)
    assert prompt.row(Wish(SOUND, language="en", prompt="<es>"), manifest(), VOCABULARY).prompt[0] == START


@pytest.mark.parametrize("word", ["caf日", "<es>", "a<end>", "日本"])
def test_a_prefix_that_cannot_be_spelled_in_full_is_refused(word: str) -> None:
    with pytest.raises(RequestError, match="PREFIX has letters that the model cannot spell"):
        prompt.row(Wish(SOUND, prefix=("ab", word)), manifest(), VOCABULARY)


def test_the_prefix_of_a_translation_has_the_spaces_of_english() -> None:
    japanese = manifest(
        languages=["en", "ja"], tokens={**manifest_of("asr")["tokens"], "languages": {"en": ENGLISH, "ja": SPANISH}}
    )
    wishes = [Wish(SOUND, language="ja", task=task, prefix=("c", "d")) for task in ("translate", "transcribe")]
    forced = [prompt.row(wish, japanese, VOCABULARY).prompt[3:] for wish in wishes]
    assert forced == [tuple(letters("c d")), tuple(letters("cd"))]


def test_megabytes_of_text_do_not_hold_the_others_up() -> None:
    began = time.process_time()
    row = prompt.row(Wish(SOUND, language="en", prompt="ab " * 10_000_000 + "end"), manifest(), VOCABULARY)
    assert row.prompt[-6:] == (*letters("end"), START, ENGLISH, TRANSCRIBE)
    with pytest.raises(RequestError, match="PREFIX has 30000001 letters"):
        prompt.row(Wish(SOUND, prefix=("abc" * 10_000_000,)), manifest(), VOCABULARY)
    assert time.process_time() - began < 2  # all of it would take half a minute


def test_rows_are_padded_to_the_longest_or_to_what_the_weights_were_trained_on() -> None:
    wishes = [Wish(SOUND[:20_000], language="en", prefix=("abc",)), Wish(SOUND)]
    rows = [prompt.row(wish, manifest(), VOCABULARY) for wish in wishes]
    tensors = inputs(rows, manifest())
    assert tensors["AUDIO"].shape == (2, 64_000)
    assert tensors["LENGTH"].tolist() == [[20_000], [64_000]]
    assert tensors["PROMPT"].tolist() == [
        [START, ENGLISH, TRANSCRIBE, *letters("abc")],
        [START, -1, TRANSCRIBE, 0, 0, 0],
    ]
    assert tensors["PROMPT_LENGTH"].tolist() == [[6], [3]]
    padded = inputs(rows, replace(manifest(), wants_padding=True))
    assert padded["AUDIO"].shape == (2, 480_000)
    assert padded["LENGTH"].tolist() == [[480_000], [480_000]]
    probe = inputs([prompt.row(Wish(0 * SOUND), manifest(), VOCABULARY)], replace(manifest(), wants_padding=True))
    assert probe["LENGTH"].tolist() == [[1600]]


@pytest.mark.parametrize(
    "changes",
    [{"family": "hmm"}, {"tokens": None}, {"limits": {}}, {"limits": {"sample_rate": 8000, "max_seconds": 30}},
     {"graph": None}, {"languages": 3}],
)  # fmt: skip
def test_a_manifest_that_cannot_be_served_says_why(changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json: "):
        manifest(**changes)
