import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.verification import Interval, VerificationOptions, VoiceMemory, VoiceWindow, WindowCutter
from frontend.speech import Samples

OPTIONS = VerificationOptions(window_seconds=3.0, context_seconds=5.0)


def audio(windows: int) -> Samples:
    """Each window of 512 samples holds its own number."""
    return np.repeat(np.arange(windows, dtype=np.int16), 512)


def intervals(windows: list[VoiceWindow]) -> list[tuple[int, int]]:
    return [(window.interval.start_sample, window.interval.end_sample) for window in windows]


def test_windows_of_three_seconds_come_each_second() -> None:
    cut = WindowCutter(16000, 0, OPTIONS).feed(audio(157), [True] * 157, 80384)
    assert intervals(cut) == [(0, 48000), (16000, 64000), (32000, 80000)]


def test_intervals_are_in_samples_of_the_clients_rate() -> None:
    cut = WindowCutter(8000, 512, OPTIONS).feed(audio(100), [True] * 100, 25600)
    assert intervals(cut) == [(0, 24000)]
    assert cut[0].interval.rate == 8000


def test_a_window_holds_only_what_is_speech_and_wholly_inside() -> None:
    decisions = [number % 2 == 0 for number in range(130)]
    second = WindowCutter(16000, 0, OPTIONS).feed(audio(130), decisions, 130 * 512)[1]
    # The window covers samples 16000 to 64000: windows 32 (from 16384) to 124 (to 64000).
    assert sorted(set(second.speech.tolist())) == [number for number in range(32, 125) if number % 2 == 0]


def test_a_window_waits_for_decisions_that_are_still_missing() -> None:
    cutter = WindowCutter(16000, 0, OPTIONS)
    assert cutter.feed(audio(50), [True] * 50, 48000) == []
    assert intervals(cutter.feed(audio(44), [True] * 44, 48000)) == [(0, 48000)]


@given(cuts=st.lists(st.integers(0, 200), max_size=10), hop=st.sampled_from([0.5, 1.0, 2.5]))
def test_windows_do_not_depend_on_how_the_stream_was_cut(cuts: list[int], hop: float) -> None:
    options = VerificationOptions(1.5, 5.0, hop)
    decisions = [number % 3 != 0 for number in range(200)]
    whole = WindowCutter(16000, 0, options).feed(audio(200), decisions, 200 * 512)
    cutter, at, parts = WindowCutter(16000, 0, options), 0, list[VoiceWindow]()
    for end in [*sorted(cuts), 200]:
        parts += cutter.feed(audio(200)[at * 512 : end * 512], decisions[at:end], end * 512)
        at = end
    assert intervals(parts) == intervals(whole)
    assert all(np.array_equal(one.speech, other.speech) for one, other in zip(parts, whole, strict=True))


def window(start_seconds: int, spoken: range) -> VoiceWindow:
    """Three seconds from there, with speech in these of the stream's decisions."""
    interval = Interval(start_seconds * 16000, (start_seconds + 3) * 16000, 16000)
    return VoiceWindow(interval, np.zeros(512 * len(spoken), np.int16), np.array(spoken, np.int64))


def test_a_score_remembers_the_windows_inside_the_context() -> None:
    east, north = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    memory = VoiceMemory(east, context_samples=5 * 16000)
    silent = range(0)
    assert memory.feed(window(0, silent), east).score == pytest.approx(1)
    assert memory.feed(window(1, silent), north).score == pytest.approx(0.5**0.5)
    assert memory.feed(window(2, silent), north).score == pytest.approx(1 / 5**0.5)
    # Now the first window, which began before 1 s, is outside the last 5 s.
    assert memory.feed(window(3, silent), north).score == pytest.approx(0, abs=1e-6)


def test_speech_that_windows_share_counts_once() -> None:
    voice = np.array([1, 0], np.float32)
    memory = VoiceMemory(voice, context_samples=5 * 16000)
    heard = [(0, range(40, 94)), (1, range(40, 125)), (2, range(70, 150)), (3, range(94, 180))]
    counts = [memory.feed(window(*each), voice).speech_seconds * 16000 / 512 for each in heard]
    # The last time the first window is forgotten, but all of its speech is in the second one too.
    assert counts == [54, 85, 110, 140]


def test_windows_say_in_which_decisions_their_speech_was() -> None:
    first, second = WindowCutter(16000, 0, OPTIONS).feed(audio(130), [40 <= each < 100 for each in range(130)], 66560)
    assert first.spoken.tolist() == list(range(40, 93))
    assert second.spoken.tolist() == list(range(40, 100))
    assert sorted(set(second.speech.tolist())) == second.spoken.tolist()
