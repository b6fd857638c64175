"""What was told before, as a recogniser is given it, and what may still go before what comes."""

import hypothesis
import pytest
from hypothesis import strategies as st

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


TENTHS = st.integers(0, 400).map(lambda tenths: tenths / 10)


def context_of(places: list[float]) -> Context:
    context = Context(12.0)
    for start in sorted(places):
        context.tell([Word(" w", start, start + 0.3, 1.0)])
    return context


@hypothesis.given(places=st.lists(TENTHS, max_size=8), start=TENTHS, later=TENTHS, slack=st.sampled_from([0.0, 1.0]))
def test_what_is_out_of_reach_goes_before_nothing_that_begins_later(
    places: list[float], start: float, later: float, slack: float
) -> None:
    context = context_of(places)
    hypothesis.assume(context.is_out_of_reach(round(start * RATE), slack))
    assert context.before(round((start + later) * RATE), 12.0) == ()
    first = Word(" new", start + later - slack, start + later - slack + 0.3, 1.0)
    context.tell([first])
    assert context.before(round((start + later + 0.5) * RATE), 12.0) in ((), (first,))


def test_what_was_said_just_now_is_within_reach() -> None:
    assert not context_of([1.0]).is_out_of_reach(round(3.0 * RATE), 0.0)
    assert context_of([1.0]).is_out_of_reach(round(3.5 * RATE), 0.0)
    assert Context(12.0).is_out_of_reach(0, 1.0)
