"""Words begin and end where something is heard of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker.triton.backends.asr.recognition.sounding import out_of_quiet
from docker.triton.backends.asr.recognition.timing import Times

RATE = 16_000


def heard(*stretches: tuple[float, float], seconds: float = 3.0, noise: float = 0.0) -> npt.NDArray[np.int16]:
    """Noise as loud as speech in these stretches, and a fainter one everywhere."""
    random = np.random.default_rng(0)
    sound = random.normal(0, noise, round(seconds * RATE))
    for start, end in stretches:
        place = slice(round(start * RATE), round(end * RATE))
        sound[place] += random.normal(0, 3000, place.stop - place.start)
    return sound.astype(np.int16)


def words(*places: tuple[float, float]) -> Times:
    starts, ends = np.array(places, np.float64).reshape(-1, 2).T
    return Times(starts, ends)


def moved(times: Times, audio: npt.NDArray[np.int16]) -> list[float]:
    found = out_of_quiet(times, audio)
    return [each for pair in zip(found.starts.tolist(), found.ends.tolist(), strict=True) for each in pair]


def test_the_first_word_leaves_the_silence_before_it_and_the_last_the_one_behind() -> None:
    audio = heard((1.0, 1.4), (1.4, 1.9))
    assert moved(words((0.2, 1.4), (1.4, 2.9)), audio) == pytest.approx([0.99, 1.4, 1.4, 1.91], abs=0.011)


def test_a_pause_between_words_belongs_to_neither() -> None:
    audio = heard((0.5, 0.9), (1.5, 1.9))
    assert moved(words((0.5, 1.2), (1.2, 1.9)), audio) == pytest.approx([0.5, 0.91, 1.49, 1.9], abs=0.011)


def test_it_is_told_in_a_room_as_well() -> None:
    audio = heard((0.5, 0.9), (1.5, 1.9), noise=30)
    assert moved(words((0.2, 1.2), (1.2, 2.5)), audio) == pytest.approx([0.49, 0.91, 1.49, 1.91], abs=0.011)


def test_in_loud_noise_nothing_is_moved() -> None:
    audio = heard((0.5, 0.9), noise=500)
    assert moved(words((0.2, 1.2)), audio) == [0.2, 1.2]


def test_a_dip_inside_a_word_is_no_pause() -> None:
    audio = heard((0.5, 0.7), (0.74, 0.9))
    assert moved(words((0.71, 0.9)), audio) == pytest.approx([0.71, 0.9])


def test_a_word_of_which_nothing_is_heard_stays() -> None:
    audio = heard((2.0, 2.5))
    assert moved(words((0.2, 0.5), (0.5, 2.5)), audio) == pytest.approx([0.2, 0.5, 1.99, 2.5], abs=0.011)


@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.floats(0, 3), min_size=2, max_size=12),
    samples=st.integers(0, 3 * RATE),
)
def test_times_stay_in_order_and_inside_their_words(seed: int, cuts: list[float], samples: int) -> None:
    random = np.random.default_rng(seed)
    audio = heard(*np.sort(random.uniform(0, 3, (3, 2)), axis=1).tolist(), noise=float(random.choice([0, 20])))[
        :samples
    ]
    edges = np.minimum(np.sort(cuts), samples / RATE)
    before = Times(edges[:-1], edges[1:])
    after = out_of_quiet(before, audio)
    assert (after.starts >= before.starts - 1e-9).all()
    assert (after.ends <= before.ends + 1e-9).all()
    assert (after.starts <= after.ends).all()
