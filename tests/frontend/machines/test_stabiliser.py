"""What of a growing hypothesis is shown and what is settled."""

from frontend.machines.stabiliser import Stabiliser, agreement, plain
from frontend.machines.timeline import text_of
from frontend.speech import Word


def words(text: str, first_second: float = 0.0) -> tuple[Word, ...]:
    """A word each half second, 0.4 s long."""
    return tuple(
        Word(f" {word}", first_second + number / 2, first_second + number / 2 + 0.4, 0.9)
        for number, word in enumerate(text.split())
    )


def shown(stabiliser: Stabiliser, text: str, end_seconds: float = 60.0) -> str:
    return text_of(stabiliser.feed(words(text), end_seconds))


def agreed(stabiliser: Stabiliser) -> str:
    return text_of(stabiliser.agreed)


def test_what_two_hypotheses_in_a_row_have_is_agreed() -> None:
    stabiliser = Stabiliser()
    shown(stabiliser, "one two tree")
    assert agreed(stabiliser) == ""
    shown(stabiliser, "one two three four")
    assert agreed(stabiliser) == " one two"
    shown(stabiliser, "one two three four five")
    assert agreed(stabiliser) == " one two three four"


def test_case_and_punctuation_are_no_disagreement() -> None:
    assert agreement(words("Good morning"), words("good, morning. You")) == 2


def test_vowel_signs_are_part_of_a_word() -> None:
    assert plain("का") != plain("की")
    assert plain("কে।") == plain("কে")


def test_a_word_at_the_end_of_the_audio_is_not_shown_yet() -> None:
    stabiliser = Stabiliser()
    assert shown(stabiliser, "one two", end_seconds=1.0) == " one"
    assert shown(stabiliser, "one two", end_seconds=1.2) == " one two"


def test_words_are_not_taken_back_because_the_newest_hypothesis_is_shorter() -> None:
    stabiliser = Stabiliser()
    shown(stabiliser, "one two three")
    assert shown(stabiliser, "one two") == " one two three"
    assert shown(stabiliser, "one six") == " one six"


def test_a_word_that_the_recogniser_is_not_sure_of_waits_until_it_comes_again() -> None:
    stabiliser = Stabiliser(sure_confidence=0.95)
    assert shown(stabiliser, "one two") == ""
    assert shown(stabiliser, "one two three") == " one two"


def test_a_hypothesis_that_contradicts_what_was_agreed_begins_anew() -> None:
    stabiliser = Stabiliser()
    for _ in range(2):
        shown(stabiliser, "one two")
    assert shown(stabiliser, "once upon a time") == " once upon a time"
    assert agreed(stabiliser) == ""
    shown(stabiliser, "once upon a time")
    assert agreed(stabiliser) == " once upon a time"
