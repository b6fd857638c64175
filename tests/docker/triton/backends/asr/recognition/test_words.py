"""Tokens into words: spaces, punctuation, languages without spaces, letters of several tokens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from docker.triton.backends.asr.recognition.vocabulary import Unit, Vocabulary
from docker.triton.backends.asr.recognition.wish import RequestError
from docker.triton.backends.asr.recognition.words import Span, segments, spans, with_space
from tests.docker.scripted_graph import LETTERS, tokenizer


def units(*texts: str) -> list[Unit]:
    """One token each."""
    return [Unit(text, place, place + 1) for place, text in enumerate(texts)]


def texts(*pieces: str, language: str = "en", forced: int = 0) -> list[str]:
    return [word.text for word in spans(units(*pieces), language, forced)]


@pytest.mark.parametrize(
    ("pieces", "language", "expected"),
    [
        ((" Good", " mor", "ning", ",", " Mr", "."), "en", [" Good", " morning,", " Mr."]),
        (("h", "i", " ", "y", "o", "u"), "en", [" hi", " you"]),
        ((" ", " ", "a", " "), "en", [" a"]),
        ((" well", " -", " no", ' "', "yes", '"'), "en", [" well -", " no", ' "yes"']),
        ((" don", "'t"), "en", [" don't"]),
        ((" ¿", "Qué", "?"), "es", [" ¿Qué?"]),
        (("今", "日", "は", "。", "「", "え", "」"), "ja", ["今", "日", "は。", "「え」"]),
        (("用", " Tri", "ton", "吧"), "zh", ["用", " Triton", "吧"]),
        (("สวัส", "ดี"), "th", ["สวัส", "ดี"]),
        (("ส", "ว"), "tha", ["ส", "ว"]),
        (("你", "好"), "cmn-script_simplified", ["你", "好"]),
        ((" -",), "en", [" -"]),
        ((), "en", []),
    ],
)
def test_pieces_become_words(pieces: tuple[str, ...], language: str, expected: list[str]) -> None:
    assert texts(*pieces, language=language) == expected


@given(st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=30))
def test_no_letter_is_lost_and_tokens_stay_in_order(pieces: list[str]) -> None:
    words = spans(units(*pieces), "en")
    assert "".join("".join(word.text for word in words).split()) == "".join("".join(pieces).split())
    assert all(before.last <= after.first for before, after in itertools.pairwise(words))
    assert all(word.text.startswith(" ") and word.text.strip() for word in words)


def test_what_follows_a_prefix_may_punctuate_its_last_word_but_not_extend_it() -> None:
    assert texts("he", "ll", ",", " yes", forced=2) == [" hell,", " yes"]
    assert texts("he", "ll", "o", "!", " yes", forced=2) == [" hell", " yes"]
    assert texts("he", "ll", " o", forced=2) == [" hell", " o"]
    assert texts("क", "ा", " त", language="hi", forced=1) == [" क", " त"]
    assert texts("he", "llo", forced=2) == [" hello"]
    assert texts("ca", "n", "'t", " yes", forced=2) == [" can", " yes"]
    assert texts("next", ".", "the", " word", forced=1) == [" next.", " word"]


@given(st.lists(st.text(LETTERS, min_size=1, max_size=3), max_size=12))
def test_a_cut_word_that_was_given_is_never_joined_to_what_follows(pieces: list[str]) -> None:
    first, second, *_rest = texts(" okay", " nex", *pieces, forced=2)
    assert first == " okay"
    assert second.rstrip(".,'") == " nex"


def test_a_letter_of_several_tokens_is_one_unit() -> None:
    letters = pre_tokenizers.ByteLevel.alphabet()
    bytewise = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(sorted(letters))}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytewise.decoder = decoders.ByteLevel()
    vocabulary = Vocabulary(bytewise)
    tokens = vocabulary.encode(" añ🙂", "PREFIX")
    found = vocabulary.units(tokens)
    assert [unit.text for unit in found] == [" ", "a", "ñ", "🙂"]
    assert [unit.last - unit.first for unit in found] == [1, 1, 2, 4]
    assert "".join(unit.text for unit in vocabulary.units(tokens[:-1])) == " añ", "half a letter is no letter"


def test_a_text_that_cannot_be_spelled_is_the_clients_fault() -> None:
    with pytest.raises(RequestError, match="PREFIX has letters that the model cannot spell: '日本'"):
        Vocabulary(tokenizer()).encode(" 日本", "PREFIX")


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [("hello", "en", " hello"), (" hello", "en", " hello"), ("hello", "", " hello"), ("今日", "ja", "今日"),
     ("今日", "", "今日"), ("ok", "zh", "ok")],
)  # fmt: skip
def test_a_given_word_gets_the_space_that_its_language_has(word: str, language: str, expected: str) -> None:
    assert with_space(word, language) == expected


def test_segments_break_at_sentence_ends_and_pauses() -> None:
    words = [Span(text, place, place + 1) for place, text in enumerate([" He", ' left."', " She", " stayed", " on"])]
    assert segments(words, [0.0, 0.3, 0.6, 0.9, 2.0], [0.2, 0.5, 0.8, 1.5, 2.2]) == [0, 0, 1, 1, 2]
