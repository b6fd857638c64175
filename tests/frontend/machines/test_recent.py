"""The newest audio of a stream is where it lay in the whole stream."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from frontend.machines.recent import RecentAudio
from frontend.speech import Samples


def samples(start: int, end: int) -> Samples:
    return np.arange(start, end, dtype=np.int16)


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 1100), st.integers(0, 1100))
def test_a_stretch_is_the_same_however_the_audio_came(sizes: list[int], start: int, end: int) -> None:
    recent, total = RecentAudio(), 0
    for size in sizes:
        recent.append(samples(total, total + size))
        total += size
    assert np.array_equal(recent.between(start, end), samples(0, total)[start:end])


def test_what_is_forgotten_is_gone_in_whole_parts() -> None:
    recent = RecentAudio()
    for start in (0, 100, 200):
        recent.append(samples(start, start + 100))
    recent.forget(before_sample=199)
    assert np.array_equal(recent.between(0, 300), samples(100, 300))
    recent.forget(before_sample=200)
    assert np.array_equal(recent.between(150, 250), samples(200, 250))
    recent.forget(before_sample=10_000)
    assert len(recent.between(0, 10_000)) == 0


def test_places_go_on_after_everything_was_forgotten() -> None:
    recent = RecentAudio()
    recent.append(samples(0, 100))
    recent.forget(100)
    recent.append(samples(100, 150))
    assert np.array_equal(recent.between(100, 120), samples(100, 120))
