"""Where utterances begin and end, and where one that does not end is cut."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.segmenter import Segmenter, SegmenterOptions, Stretch
from frontend.speech import RATE, WINDOW_SAMPLES

# Windows of speech and of silence, in turn.
Runs = Sequence[tuple[bool, int]]
SECOND = RATE // WINDOW_SAMPLES


def feed(segmenter: Segmenter, *runs: tuple[bool, int], cut_seconds: float | None = None) -> list[Stretch]:
    """What is handed out; a stretch without a pause is cut so long before its end."""
    found = []
    for speaking in itertools.chain.from_iterable([speaking] * windows for speaking, windows in runs):
        if stretch := segmenter.feed(speaking, float(speaking)):
            found.append(stretch)
            if not stretch.whole and cut_seconds is not None:
                segmenter.cut(stretch.end_sample - round(cut_seconds * RATE))
    return found


def test_an_utterance_has_its_lead_in_and_a_tail() -> None:
    (stretch,) = feed(Segmenter(SegmenterOptions()), (False, SECOND), (True, SECOND), (False, SECOND))
    assert 0.2 < 1 - stretch.start_sample / RATE < 0.4
    assert 0.1 < stretch.end_sample / RATE - 2 < 0.35
    assert stretch.whole


def test_it_ends_after_the_silence_and_not_before() -> None:
    segmenter = Segmenter(SegmenterOptions(silence_seconds=0.4))
    assert not feed(segmenter, (True, SECOND), (False, 12), (True, 5), (False, 12))
    assert len(feed(segmenter, (False, 6))) == 1


def test_what_it_will_be_is_known_before_it_ends() -> None:
    segmenter = Segmenter(SegmenterOptions())
    feed(segmenter, (True, SECOND))
    assert segmenter.likely is None
    feed(segmenter, (False, 9))
    assert segmenter.likely is None, "a pause between words may be as long"
    feed(segmenter, (False, 1))
    expected = segmenter.likely
    assert [expected] == feed(segmenter, (False, SECOND))


def test_it_pauses_while_an_utterance_is_open_and_nobody_speaks() -> None:
    segmenter, pausing = Segmenter(SegmenterOptions()), list[bool]()
    for run in ((False, 5), (True, SECOND), (False, 5), (True, 5), (False, SECOND)):
        feed(segmenter, run)
        pausing.append(segmenter.pausing)
    assert pausing == [False, False, True, False, False]


def test_what_is_needed_again_begins_with_the_open_utterance_or_its_lead_in() -> None:
    segmenter = Segmenter(SegmenterOptions(lead_in_seconds=0.3))
    feed(segmenter, (False, SECOND))
    assert segmenter.needed_from_sample == segmenter.heard_samples - 0.3 * RATE
    feed(segmenter, (True, SECOND))
    assert segmenter.needed_from_sample == segmenter.start_sample


def test_amid_speech_all_that_came_is_told_now_and_what_follows_begins_there() -> None:
    segmenter = Segmenter(SegmenterOptions())
    assert segmenter.flush(100) is None
    feed(segmenter, (True, SECOND))
    stretch = segmenter.flush(100)
    assert stretch is not None
    assert stretch.end_sample == segmenter.heard_samples + 100
    (following,) = feed(segmenter, (True, SECOND), (False, SECOND))
    assert following.start_sample == stretch.end_sample


def test_in_a_pause_what_the_utterance_will_be_is_told_now_and_of_a_click_nothing() -> None:
    segmenter = Segmenter(SegmenterOptions())
    feed(segmenter, (True, SECOND), (False, 10))
    expected = segmenter.likely
    assert expected is not None
    assert segmenter.flush(100) == expected
    feed(segmenter, (False, SECOND), (True, 1))
    assert segmenter.flush(100) is None


def test_of_a_long_silence_no_half_is_awaited_until_what_it_will_be_is_known() -> None:
    segmenter = Segmenter(SegmenterOptions(silence_seconds=1.0))
    feed(segmenter, (True, SECOND), (False, 9))
    assert segmenter.likely is None
    feed(segmenter, (False, 2))
    expected = segmenter.likely
    assert expected is not None
    assert [expected] == feed(segmenter, (False, SECOND))


def test_a_click_is_no_utterance() -> None:
    assert not feed(Segmenter(SegmenterOptions()), (True, 2), (False, SECOND), (True, 1), (False, SECOND))


def test_one_that_goes_on_is_cut_in_its_longest_late_pause() -> None:
    segmenter = Segmenter(SegmenterOptions(longest_seconds=6))
    early, late = (False, 11), (False, 8)
    runs: Runs = [(True, SECOND), early, (True, 3 * SECOND), late, (True, 3 * SECOND)]
    (stretch,) = feed(segmenter, *runs)
    assert stretch.whole
    middle = SECOND + 11 + 3 * SECOND + 4
    assert stretch.end_sample == middle * WINDOW_SAMPLES
    assert segmenter.start_sample == stretch.end_sample


def test_it_is_known_when_one_that_goes_on_is_handed_out_at_the_latest() -> None:
    segmenter = Segmenter(SegmenterOptions(longest_seconds=6))
    feed(segmenter, (True, 4 * SECOND))
    left = segmenter.due_seconds
    assert 1.9 < left < 2.2
    assert not feed(segmenter, (True, round(left * SECOND) - 1))
    assert feed(segmenter, (True, 2))


def test_one_without_a_pause_is_to_be_cut_between_words() -> None:
    segmenter = Segmenter(SegmenterOptions(longest_seconds=6))
    first, second = feed(segmenter, (True, 13 * SECOND), cut_seconds=1.0)
    assert not first.whole
    assert second.start_sample == first.end_sample - RATE
    assert abs(second.end_sample - first.end_sample - 6 * RATE) <= WINDOW_SAMPLES


def test_one_that_cannot_be_cut_is_told_whole_before_it_is_too_long_for_a_model() -> None:
    segmenter = Segmenter(SegmenterOptions())
    found = []
    for _ in range(60 * SECOND):
        if stretch := segmenter.feed(True, 1.0):
            found.append(stretch)
            if not stretch.whole:
                segmenter.postpone()
    assert max(stretch.seconds for stretch in found) < 21
    assert sum(stretch.whole for stretch in found) == 2


def test_the_rest_ends_with_the_audio() -> None:
    segmenter = Segmenter(SegmenterOptions())
    feed(segmenter, (True, SECOND))
    stretch = segmenter.finish(SECOND * WINDOW_SAMPLES - 100)
    assert stretch == Stretch(0, SECOND * WINDOW_SAMPLES - 100)
    assert segmenter.finish(SECOND * WINDOW_SAMPLES) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 200)), max_size=30), st.floats(0.0, 2.0))
def test_stretches_never_overlap_and_hold_all_speech_but_clicks(runs: Runs, cut_seconds: float) -> None:
    segmenter = Segmenter(SegmenterOptions())
    windows = [speaking for speaking, count in runs for _ in range(count)]
    found = feed(segmenter, *runs, cut_seconds=cut_seconds)
    found += [stretch] if (stretch := segmenter.finish(len(windows) * WINDOW_SAMPLES)) else []
    covered = [
        any(one.start_sample <= at * WINDOW_SAMPLES < one.end_sample for one in found) for at in range(len(windows))
    ]
    for earlier, later in itertools.pairwise(found):
        assert later.start_sample >= earlier.end_sample or not earlier.whole
        assert later.start_sample >= earlier.start_sample
    at = 0
    for speaking, count in runs:
        if speaking and count > 3:
            assert all(covered[at : at + count])
        at += count
