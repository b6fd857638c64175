"""What may still go before what comes."""

import hypothesis
from hypothesis import strategies as st

from frontend.machines.context import Context
from frontend.speech import RATE, Word

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
