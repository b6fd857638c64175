"""A picture of a calibration: where the pairs of one voice and of two lie, and whether a probability keeps its word."""

import numpy as np

from export.calibration.listening import Array
from export.calibration.pairs import Pairs
from frontend.calibration import Calibration
from tests.pictures.drawing import FAINT, Box, Drawing, Type

_SAME, _OTHER = "#2e7d5b", "#b45f06"
_WIDTH, _HEIGHT, _TOP, _LEFT = 880, 360, 60, 50
_BARS, _BAR_WIDTH, _TALLEST = 40, 10, 230
_MOST_ODDS = 25.0  # beyond lies certainty either way
_SMALL = Type(11, FAINT)
_MIDDLE = Type(11, FAINT, "middle")


def draw(judged: Pairs, calibration: Calibration) -> str:
    odds = judged.log_odds(calibration)
    drawing = Drawing(_WIDTH, _HEIGHT, "Pairs by the log-odds of one voice, and how reliable these are")
    _histogram(drawing, odds, judged.same)
    _reliability(drawing, odds, judged.same)
    return drawing.svg()


def _histogram(drawing: Drawing, odds: Array, same: Array) -> None:
    drawing.text(_LEFT, 24, "Pairs by the log-odds that they are of one voice", Type(13, weight="bold"))
    drawing.text(_LEFT, 42, "of one voice", Type(11, _SAME))
    drawing.text(_LEFT + 90, 42, "of two", Type(11, _OTHER))
    edges = np.linspace(-_MOST_ODDS, _MOST_ODDS, _BARS + 1)
    floor = _TOP + _TALLEST
    for kind, colour, offset in ((~same, _OTHER, 0.0), (same, _SAME, _BAR_WIDTH / 2)):
        counts, _ = np.histogram(np.clip(odds[kind], -_MOST_ODDS, _MOST_ODDS), edges)
        for place, count in enumerate(counts):
            height = _TALLEST * count / max(counts.max(), 1)
            drawing.box(Box(_LEFT + place * _BAR_WIDTH + offset, floor - height, _BAR_WIDTH / 2, height), colour)
    middle = _LEFT + _BARS * _BAR_WIDTH / 2
    drawing.line((middle, _TOP), (middle, floor))
    for log_odds in (-20, -10, 0, 10, 20):
        x = middle + log_odds * _BAR_WIDTH * _BARS / (2 * _MOST_ODDS)
        drawing.text(x, floor + 18, f"{log_odds:+d}" if log_odds else "0 (0.5)", _MIDDLE)


def _reliability(drawing: Drawing, odds: Array, same: Array) -> None:
    """Both kinds weigh the same, as in the fit."""
    left, size = 520, _TALLEST
    floor = _TOP + size
    drawing.text(left, 24, "Of pairs told so, so many are of one voice", Type(13, weight="bold"))
    drawing.text(left, 42, "both kinds weigh the same; on the line it keeps its word", _SMALL)
    drawing.line((left, floor), (left + size, _TOP))
    probability = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    weights = np.where(same, 1 / max(same.sum(), 1), 1 / max((~same).sum(), 1))
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & (probability < low + 0.1)
        if inside.any():
            share = float((weights * same)[inside].sum() / weights[inside].sum())
            mean = float((weights * probability)[inside].sum() / weights[inside].sum())
            hint = f"told {mean:.2f}, are {share:.2f}: {int(inside.sum())} pairs"
            drawing.dot(left + mean * size, floor - share * size, _SAME, hint)
    for tick in (0.0, 0.5, 1.0):
        drawing.text(left + tick * size, floor + 18, f"{tick:g}", _MIDDLE)
        drawing.text(left - 8, floor - tick * size + 4, f"{tick:g}", Type(11, FAINT, "end"))
