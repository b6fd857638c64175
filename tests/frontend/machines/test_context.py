"""What was told before, as a recogniser is given it."""

import pytest

from frontend.machines.context import Context, as_known
from frontend.speech import RATE, Word


def words(*texts: str) -> list[Word]:
    """One each half a second."""
    return [Word(text, place / 2, place / 2 + 0.4, 0.9) for place, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ((" They", " say", " in", " all", " our", " blood."), (" They", " say", " in", " all", " our", " blood")),
        ((" Yes,", " sir?!"), (" Yes,", " sir")),
        ((" half", " past", " …"), (" half", " past", " …")),
        (("你", "好。"), ("你", "好")),
        ((), ()),
    ],
)
def test_whether_a_sentence_ended_is_left_to_be_heard(told: tuple[str, ...], known: tuple[str, ...]) -> None:
    assert as_known(words(*told)) == known


def test_words_before_a_long_pause_belong_to_something_else() -> None:
    context = Context(12.0)
    context.tell([Word(" a", 0.0, 0.5, 0.9), Word(" b", 3.0, 3.5, 0.9), Word(" c", 4.0, 4.5, 0.9)])
    assert [word.text for word in context.before(5 * RATE, 12.0)] == [" b", " c"]
    assert context.before(8 * RATE, 12.0) == ()


def test_no_more_is_given_than_is_asked_for() -> None:
    context = Context(12.0)
    context.tell(words(*(f" {number}" for number in range(40))))
    assert [word.text for word in context.before(20 * RATE, 2.0)] == [" 36", " 37", " 38", " 39"]
    assert context.before(20 * RATE, 0.0) == ()
