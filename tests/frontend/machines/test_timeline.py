"""Words on the time of the whole stream."""

from collections.abc import Sequence

from frontend.machines.timeline import Timeline, boundary, shifted, text_of, without_carried
from frontend.speech import Word
from tests.frontend.machines.test_stabiliser import words


def times(placed: Sequence[Word]) -> list[tuple[float, float]]:
    return [(word.start_seconds, word.end_seconds) for word in placed]


def test_no_word_lies_over_another_or_before_one_that_was_told() -> None:
    timeline = Timeline()
    assert times(timeline.place([Word(" a", 0.0, 1.0, 1), Word(" b", 0.5, 2.0, 1)])) == [(0.0, 1.0), (1.0, 2.0)]
    assert times(timeline.place([Word(" c", 0.2, 1.5, 1), Word(" d", 1.9, 3.0, 1)])) == [(2.0, 2.0), (2.0, 3.0)]
    assert times(timeline.place([Word(" e", 4.0, 5.0, 1)])) == [(4.0, 5.0)]


def test_a_text_has_one_leading_space_or_is_empty() -> None:
    assert text_of(words("one two")) == " one two"
    assert text_of([Word("eins", 0, 1, 1)]) == " eins"
    assert text_of([]) == text_of([Word(" ", 0, 1, 1)]) == ""


def test_words_move_to_where_their_stretch_lies_and_white_space_is_no_word() -> None:
    moved = shifted((*words("one"), Word(" ", 0.5, 0.6, 0.1)), 10.0)
    assert [(word.text, word.start_seconds, word.end_seconds) for word in moved] == [(" one", 10.0, 10.4)]


def test_a_cut_is_made_at_the_widest_gap_before_its_bound() -> None:
    spoken: Sequence[Word] = [*words("one two three"), *words("four five six", 2.0)]
    assert boundary(spoken, latest_seconds=9.0, earliest_seconds=0.0) == 3
    assert boundary(spoken, latest_seconds=9.0, earliest_seconds=2.0) == 5
    assert boundary(spoken, latest_seconds=1.0, earliest_seconds=0.0) == 2
    assert boundary(spoken, latest_seconds=0.2, earliest_seconds=0.0) == 0
    assert boundary(spoken[:1], latest_seconds=9.0, earliest_seconds=0.0) == 0


def test_carried_words_are_told_once_also_by_a_model_that_heard_them_differently() -> None:
    carried = words("one two")
    again = words("one two three four")
    assert text_of(without_carried(again, carried)) == " three four"
    assert text_of(without_carried(words("a won two three four", -0.5), carried)) == " three four"
    assert without_carried(words("one"), carried) == ()
