"""The best monotonic path of states through frames, for all rows of a batch at once, in numpy.

Two uses: CTC forced alignment (the states are a text's classes with blanks between, which may be skipped between
different letters) and dynamic time warping of attention (the states are tokens, each stays or hands on to the next).
One vector operation over rows and states a frame: a batch costs little more than its longest row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_NEVER = np.float32(-1e30)
# Rows are taken together while their scores stay below this.
_CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Trellis:
    """One row: a score for each frame and state [F, S], which states may be entered from two before, and how many of
    the first and last states a path may begin and end in."""

    scores: Scores
    skippable: npt.NDArray[np.bool_]
    open_ends: int

    @property
    def feasible(self) -> bool:
        frames, states = self.scores.shape
        return frames >= states - int(self.skippable.sum()) - 2 * (self.open_ends - 1) and frames > 0


def ctc_trellis(log_probabilities: Scores, classes: Sequence[int], blank: int) -> Trellis:
    """States: blank, class, blank, class, …, blank."""
    states = np.full(2 * len(classes) + 1, blank)
    states[1::2] = classes
    skippable = np.zeros(len(states), bool)
    skippable[3::2] = states[3::2] != states[1:-2:2]
    return Trellis(np.take(log_probabilities, states, axis=1), skippable, 2)


def best_paths(trellises: Sequence[Trellis]) -> list[Indices]:
    """For each row the state of each of its frames."""
    order = sorted(range(len(trellises)), key=lambda place: trellises[place].scores.size)
    paths: dict[int, Indices] = {}
    while order:
        frames, states = np.max([trellises[place].scores.shape for place in order], axis=0)
        count = max(1, _CHUNK_BYTES // (4 * int(frames) * int(states)))
        chosen, order = order[-count:], order[:-count]
        paths.update(zip(chosen, _paths([trellises[place] for place in chosen]), strict=True))
    return [paths[place] for place in range(len(trellises))]


def _paths(rows: Sequence[Trellis]) -> list[Indices]:
    frames = max(len(row.scores) for row in rows)
    states = max(row.scores.shape[1] for row in rows)
    scores = np.full((frames, len(rows), states), _NEVER, np.float32)
    skip_cost = np.full((len(rows), states), _NEVER, np.float32)
    for place, row in enumerate(rows):
        length, width = row.scores.shape
        scores[:length, place, :width] = row.scores
        skip_cost[place, :width][row.skippable] = 0.0
    totals = _forward(scores, skip_cost, [row.open_ends for row in rows])
    return _backward(totals, skip_cost, rows)


def _forward(scores: Scores, skip_cost: Scores, open_ends: Sequence[int]) -> Scores:
    """The best total of a path that ends in each state; two columns in front of state 0 that nobody comes from."""
    frames, rows, states = scores.shape
    totals = np.full((frames, rows, states + 2), _NEVER, np.float32)
    for row, count in enumerate(open_ends):
        totals[0, row, 2 : 2 + count] = scores[0, row, :count]
    skipping, skipped = bool((skip_cost == 0).any()), np.empty((rows, states), np.float32)
    for frame in range(1, frames):
        before, now = totals[frame - 1], totals[frame, :, 2:]
        np.maximum(before[:, 2:], before[:, 1:-1], out=now)
        if skipping:
            np.add(before[:, :-2], skip_cost, out=skipped)
            np.maximum(now, skipped, out=now)
        np.add(now, scores[frame], out=now)
    return totals


def _backward(totals: Scores, skip_cost: Scores, rows: Sequence[Trellis]) -> list[Indices]:
    """From the last frame to the first: how many states back is looked up for all at once, and followed row by row."""
    stay, step = totals[:-1, :, 2:], totals[:-1, :, 1:-1]
    back = (stay < step).view(np.uint8)
    if (skip_cost == 0).any():
        np.putmask(back, totals[:-1, :, :-2] + skip_cost > np.maximum(stay, step), 2)
    return [_followed(back[:, place], totals[len(row.scores) - 1, place], row) for place, row in enumerate(rows)]


def _followed(back: npt.NDArray[np.uint8], totals: Scores, row: Trellis) -> Indices:
    frames, states = len(row.scores), back.shape[1]
    steps, state = back[: frames - 1].tobytes(), _last_state(totals, row)
    path = [state]
    for start in range((frames - 2) * states, -1, -states):
        state -= steps[start + state]
        path.append(state)
    return np.array(path[::-1], np.intp)


def _last_state(totals: Scores, row: Trellis) -> int:
    states = row.scores.shape[1]
    first = max(0, states - row.open_ends)
    return first + int(np.argmax(totals[2 + first : 2 + states]))
