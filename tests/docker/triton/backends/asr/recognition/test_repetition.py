"""Loops: where one begins, and what is not one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker.triton.backends.asr.recognition.manifest import Guards
from docker.triton.backends.asr.recognition.repetition import compression_ratio, loop_start
from docker.triton.backends.asr.recognition.transcript import doubtful, kept_tokens
from docker.triton.backends.asr.recognition.words import Span


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("the cat sat sat sat sat", "the cat sat"),
        ("aaaaaaaaaaaa", "a"),
        ("well" + " thank you." * 20, "well thank you."),
        ("well" + " thank you." * 20 + " than", "well thank you."),
    ],
)
def test_a_loop_begins_after_its_first_round(said: str, kept: str) -> None:
    ends = [place for place in range(1, len(said) + 1) if said[place : place + 1] in (" ", "")]
    assert said[: loop_start([ord(letter) for letter in said], ends)] == kept


@pytest.mark.parametrize("said", ["", "a", "no no no", "seven seven three two one", "the end of the end"])
def test_what_people_say_is_no_loop(said: str) -> None:
    assert loop_start([ord(letter) for letter in said]) is None


@given(st.lists(st.integers(0, 3), max_size=60))
def test_what_is_cut_off_repeats_what_is_kept(tokens: list[int]) -> None:
    start = loop_start(tokens)
    if start is not None:
        periods = range(1, start + 1)
        assert any(all(tokens[i] == tokens[i - period] for i in range(start, len(tokens))) for period in periods)


def test_a_loop_is_cut_only_where_the_text_compresses_or_ran_to_its_limit() -> None:
    laugh = " ha ha ha ha"
    tokens = [ord(letter) for letter in laugh]
    guards = Guards(compression_ratio=2.4)
    assert compression_ratio(laugh) < 2.4
    words = [Span(" ha", place, place + 3) for place in range(0, 240, 3)]
    assert kept_tokens(tokens, words[:4], False, guards) == len(tokens)
    assert kept_tokens(tokens, words[:4], True, guards) == 3
    assert kept_tokens(tokens * 20, words, False, guards) == 3
    assert kept_tokens(tokens * 20, words, False, Guards()) == 240


def test_the_ratio_of_nothing_is_one() -> None:
    assert compression_ratio("") == 1.0


def test_doubt_needs_an_unsure_text_where_the_manifest_says_so() -> None:
    assert doubtful(0.7, -0.1, Guards(no_speech_probability=0.6))
    assert not doubtful(0.5, -3.0, Guards(no_speech_probability=0.6))
    assert not doubtful(0.7, -0.1, Guards(no_speech_probability=0.6, average_log_probability=-1.0))
    assert doubtful(0.7, -1.1, Guards(no_speech_probability=0.6, average_log_probability=-1.0))
    assert not doubtful(1.0, -9.0, Guards())
