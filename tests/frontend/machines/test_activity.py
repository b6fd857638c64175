from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.activity import ActivityDecider, Thresholds

probabilities = st.lists(st.floats(0, 1), max_size=60)


def test_speech_begins_at_one_threshold_and_ends_below_the_other() -> None:
    decider = ActivityDecider(Thresholds(0.5, 0.35))
    assert decider.feed([0.4, 0.5, 0.4, 0.35, 0.34, 0.4]) == [False, True, True, True, False, False]


@given(values=probabilities, at=st.integers(0, 60))
def test_decisions_do_not_depend_on_how_the_stream_was_cut(values: list[float], at: int) -> None:
    whole, parts = ActivityDecider(Thresholds()), ActivityDecider(Thresholds())
    assert whole.feed(values) == [*parts.feed(values[:at]), *parts.feed(values[at:])]
