import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.summary import SpeechSummary, Summariser

decisions_of = st.lists(st.booleans(), min_size=1, max_size=80)


def flags(summary: SpeechSummary) -> list[bool]:
    listed: list[bool] = json.loads(b"[" + summary.flags() + b"]")
    return listed


def test_6133_samples_give_the_published_figures() -> None:
    summary = Summariser(16000, 0).feed([False] * 10 + [True], 6133)
    assert flags(summary) == [False] * 11 + [True]
    assert summary.total_seconds == 0.38331249356269836
    assert summary.background_seconds == 0.33000001311302185
    assert summary.speech_seconds == 0.029999999329447746
    assert summary.trailing_frames == 0


def test_nothing_heard_is_an_empty_summary() -> None:
    summary = Summariser(16000, 0).feed([], 0)
    assert (flags(summary), summary.total_seconds, summary.trailing_frames) == ([], 0.0, 0)


def test_a_flag_is_the_newest_decision_at_the_frames_end() -> None:
    # Frame 0 ends at sample 480, before the first window does; frame 1 at 960, after window 0.
    assert flags(Summariser(16000, 0).feed([True, False, True], 480 * 4)) == [False, True, False, True]


def test_a_delay_makes_the_flag_an_older_decision() -> None:
    assert flags(Summariser(8000, 512).feed([True, False, True], 240 * 4)) == [False, False, True, False]


@given(decisions=decisions_of, cuts=st.lists(st.integers(0, 80), max_size=8))
def test_flags_do_not_depend_on_how_the_stream_was_cut(decisions: list[bool], cuts: list[int]) -> None:
    whole = Summariser(16000, 0).feed(decisions, 512 * len(decisions))
    parts, at = Summariser(16000, 0), 0
    earlier: list[bool] = []
    for end in [*sorted(min(cut, len(decisions)) for cut in cuts), len(decisions)]:
        summary = parts.feed(decisions[at:end], 512 * end)
        assert flags(summary)[: len(earlier)] == earlier, "a flag once sent changed"
        earlier, at = flags(summary), end
    assert earlier == flags(whole)


@given(decisions=decisions_of)
def test_speech_and_background_add_up_to_the_frames(decisions: list[bool]) -> None:
    summary = Summariser(16000, 0).feed(decisions, 512 * len(decisions))
    frames = len(decisions) * 512 // 480
    assert len(flags(summary)) == frames
    assert summary.speech_seconds + summary.background_seconds == pytest.approx(frames * 0.03, abs=1e-5)
    assert summary.speech_seconds == pytest.approx(sum(flags(summary)) * 0.03, abs=1e-5)


def test_frames_without_a_decision_come_when_it_is_there() -> None:
    summariser = Summariser(16000, 0)
    assert len(flags(summariser.feed([], 4800))) == 1  # only the frame that needs none
    later = summariser.feed([True] * 10, 5120)
    assert flags(later) == [False] + [True] * 9
    assert later.total_seconds == pytest.approx(0.32)


def test_only_the_most_recent_frames_are_listed_and_waiting_summaries_keep_theirs() -> None:
    summariser, everything = Summariser(16000, 0, max_frames=20), Summariser(16000, 0)
    summaries = []
    for number in range(1, 200):
        decision = [number % 7 == 0]
        everything.feed(decision, 512 * number)
        summaries.append((summariser.feed(decision, 512 * number), flags(everything.feed([], 512 * number))))
    for summary, expected in summaries:
        assert flags(summary) == expected[-20:]
        assert summary.speech_seconds == pytest.approx(sum(expected) * 0.03, abs=1e-5)
