"""The fit: it finds what pairs were made by, and refuses what would make no sense."""

import numpy as np
import pytest

from export.calibration.fitting import adapt, fit
from export.calibration.pairs import Pairs
from export.failure import ExportError
from frontend.calibration import Calibration

AMOUNTS = np.array([0.6, 1.0, 2.0, 5.0, 15.0])
RANGE = (0.6, 15.0)
TRUE = Calibration((40.0, -12.0, 2.0), (-28.0, 12.0, -2.0), RANGE)


def drawn(calibration: Calibration, count: int = 60_000, moved: float = 0.0) -> Pairs:
    """Pairs whose kinds are drawn by the probabilities of this calibration, the scores moved afterwards."""
    random = np.random.default_rng(1)
    seconds = random.choice(AMOUNTS, (count, 2))
    score = random.uniform(0.3, 1.0, count)
    unlabelled = Pairs(score, seconds, np.zeros((count, 2), int), ("anna", "ben"))
    same = random.random(count) < 1 / (1 + np.exp(-unlabelled.log_odds(calibration)))
    speakers = np.stack([np.zeros(count, int), np.where(same, 0, 1)], axis=1)
    return Pairs(score + moved, seconds, speakers, ("anna", "ben"))


def test_the_fit_finds_where_one_half_lies_for_every_amount_of_speech() -> None:
    found = fit({1.0: drawn(TRUE)}, RANGE)
    for one, other in [(0.6, 15), (1, 1), (2, 5), (15, 15)]:
        scarcity = 1 / one + 1 / other
        middle = -np.polynomial.Polynomial(TRUE.intercept)(scarcity) / np.polynomial.Polynomial(TRUE.slope)(scarcity)
        # Both kinds weigh the same in the fit, so its middle may lie a little beside the drawn one.
        assert found.probability(middle - 0.08, one, other) < 0.5 < found.probability(middle + 0.08, one, other)


def test_both_parts_move_the_fit() -> None:
    plain, moved = drawn(TRUE), drawn(TRUE, moved=-0.1)
    middle = [fit(parts, RANGE).probability(0.65, 3, 3) for parts in ({1.0: plain}, {0.5: plain, 0.4999: moved})]
    assert middle[0] < middle[1]


def test_own_pairs_move_a_calibration_and_keep_its_shape() -> None:
    own = drawn(TRUE, 5000, moved=-0.1)
    adapted = adapt(TRUE, own)
    ratios = {round(new / old, 2) for new, old in zip(adapted.slope, TRUE.slope, strict=True)}
    assert len(ratios) == 1
    assert adapted.seconds == TRUE.seconds
    assert adapted.probability(0.6, 5, 5) > TRUE.probability(0.6, 5, 5)


def test_pairs_that_agree_leave_a_calibration_as_it_is() -> None:
    adapted = adapt(TRUE, drawn(TRUE, 40_000))
    for score in (0.55, 0.65, 0.75):
        assert adapted.probability(score, 5, 5) == pytest.approx(TRUE.probability(score, 5, 5), abs=0.15)


def test_scores_the_wrong_way_round_are_refused() -> None:
    pairs = drawn(TRUE, 3000)
    wrong = Pairs(1.3 - pairs.score, pairs.seconds, pairs.speakers, pairs.names)
    with pytest.raises(ExportError, match="named rightly"):
        adapt(TRUE, wrong)
    with pytest.raises(ExportError, match="fall where the score rises"):
        fit({1.0: wrong}, RANGE)


def test_pairs_that_do_not_overlap_give_a_finite_fit() -> None:
    drawn_amounts = drawn(TRUE, 400).seconds
    speakers = np.array([(0, 0), (0, 1)] * 200)
    apart = Pairs(np.array([0.9, 0.3] * 200), drawn_amounts, speakers, ("anna", "ben"))
    found = fit({1.0: apart}, RANGE)
    assert found.probability(0.9, 2, 2) > 0.9
    assert found.probability(0.3, 2, 2) < 0.1
