"""The best path through frames: against trying all paths, and its times' order."""

from __future__ import annotations

import itertools
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker.triton.backends.asr.recognition import timing
from docker.triton.backends.asr.recognition.alignment import Trellis, best_paths, ctc_trellis
from docker.triton.backends.asr.recognition.words import Span


def random_frames(seed: int, frames: int, classes: int) -> npt.NDArray[np.float32]:
    scores = np.random.default_rng(seed).normal(size=(frames, classes)) * 3
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def collapsed(classes: tuple[int, ...]) -> list[int]:
    return [now for before, now in itertools.pairwise((0, *classes)) if now not in (0, before)]


def best_by_trying_all(frames: npt.NDArray[np.float32], text: list[int]) -> float:
    """The best total over every sequence of classes that collapses to the text."""
    return max(
        sum(float(frames[place, number]) for place, number in enumerate(choice))
        for choice in itertools.product(range(frames.shape[1]), repeat=len(frames))
        if collapsed(choice) == text
    )


@pytest.mark.parametrize("text", [[1], [1, 2], [1, 1], [2, 1, 2], [1, 1, 1]])
def test_the_path_is_the_best_of_all(text: list[int]) -> None:
    for seed in range(5):
        frames = random_frames(seed, 6, 3)
        trellis = ctc_trellis(frames, text, 0)
        (path,) = best_paths([trellis])
        assert trellis.feasible
        total = float(trellis.scores[np.arange(6), path].sum())
        assert total == pytest.approx(best_by_trying_all(frames, text), abs=1e-4)


def test_rows_of_a_batch_have_the_paths_that_they_have_alone() -> None:
    rows = [ctc_trellis(random_frames(n, 10 + 7 * n, 5), [1, 2, 2, 3][: 1 + n % 4], 0) for n in range(9)]
    together = best_paths(rows)
    for row, path in zip(rows, together, strict=True):
        assert path.tolist() == best_paths([row])[0].tolist()


def test_too_few_frames_are_not_feasible() -> None:
    assert ctc_trellis(random_frames(0, 3, 3), [1, 1], 0).feasible
    assert not ctc_trellis(random_frames(0, 2, 3), [1, 1], 0).feasible
    assert ctc_trellis(random_frames(0, 2, 3), [1, 2], 0).feasible
    assert timing.attention_trellis(random_frames(0, 3, 3)).feasible
    assert not timing.attention_trellis(random_frames(0, 2, 3)).feasible


def test_warping_follows_attention_and_visits_every_token() -> None:
    attention = np.full((40, 4), 0.05, np.float32)
    for token, frames in enumerate([range(0, 8), range(8, 20), range(20, 25), range(25, 40)]):
        attention[list(frames), token] = 0.9
    (path,) = best_paths([timing.attention_trellis(attention)])
    words = [Span(" a", 0, 2), Span(" b", 2, 3)]
    first, last = timing.warped_word_frames(path, words)
    np.testing.assert_allclose(first, [0, 20], atol=2)
    np.testing.assert_allclose(last, [20, 25], atol=2)


def test_a_word_lasts_from_its_first_letter_to_its_last() -> None:
    frames = np.full((20, 4), np.log(0.01), np.float32)
    frames[:, 0] = np.log(0.97)
    for frame, number in [(3, 1), (4, 1), (7, 2), (12, 3), (13, 3)]:
        frames[frame, [0, number]] = np.log([0.01, 0.97])
    (path,) = best_paths([ctc_trellis(frames, [1, 2, 3], 0)])
    first, last = timing.ctc_word_frames(path, [range(0, 2), range(2, 3)])
    assert first.tolist() == [3, 12]
    assert last.tolist() == [8, 14]


@given(st.lists(st.tuples(st.floats(-5, 200), st.floats(-5, 200)), min_size=1, max_size=20), st.floats(-1, 1))
def test_times_ascend_never_overlap_and_stay_inside(frames: list[tuple[float, float]], offset: float) -> None:
    first, last = np.array(frames).T
    times = timing.Clock(0.02, offset, 2.5).times(first, last)
    assert (times.starts <= times.ends).all()
    assert (times.ends[:-1] <= times.starts[1:]).all()
    assert times.starts[0] >= 0
    assert times.ends[-1] <= 2.5


def test_shared_words_leave_pauses_out() -> None:
    blank = np.log(np.full(200, 0.99, np.float32))
    blank[20:60] = blank[140:180] = np.log(0.01)
    spoken = timing.spoken_frames(blank, 0.02)
    first, last = timing.shared_out(spoken, [Span(" four", 0, 1), Span(" five", 1, 2)])
    assert first[0] == 10
    assert last[0] <= 70
    assert first[1] >= 69
    assert last[1] == 190


def test_half_a_minute_of_letters_is_aligned_in_a_fraction_of_a_second() -> None:
    frames = random_frames(0, 1500, 84)
    text = np.random.default_rng(0).integers(1, 84, 400).tolist()
    durations = []
    for _ in range(3):
        began = time.thread_time()
        best_paths([ctc_trellis(frames, text, 0)])
        durations.append(time.thread_time() - began)  # however many others want the core
    assert min(durations) < 0.3  # 0.03 on a free core


def test_a_path_through_one_state_is_that_state() -> None:
    trellis = Trellis(np.zeros((4, 1), np.float32), np.zeros(1, bool), 1)
    assert best_paths([trellis])[0].tolist() == [0, 0, 0, 0]
