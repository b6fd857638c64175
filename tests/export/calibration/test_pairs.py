"""Pairs and what is judged by them."""

import math

import numpy as np
import pytest

from export.calibration.pairs import Pairs, Take, equal_error_rate, judge, pairs
from frontend.calibration import Calibration

EAST, NORTH = np.array([1, 0]), np.array([0, 1])
PLAIN = Calibration((10.0,), (-5.0,))


def take(speaker: str, recording: str, cast: str = "", seconds: float = 2.0) -> Take:
    return Take(speaker, recording, seconds, EAST if speaker == "anna" else NORTH, cast)


def scored(same: list[float], other: list[float]) -> Pairs:
    """Pairs of two speakers and of one."""
    speakers = np.array([(0, 0)] * len(same) + [(0, 1)] * len(other))
    return Pairs(np.array([*same, *other]), np.full((len(speakers), 2), 3.0), speakers, ("anna", "ben"))


def test_each_take_meets_each_but_those_of_its_own_recording() -> None:
    found = pairs([take("anna", "1"), take("anna", "1"), take("anna", "2"), take("ben", "3")])
    assert sorted(zip(found.score.tolist(), found.same.tolist(), strict=True)) == [(0, False)] * 3 + [(1, True)] * 2


def test_speakers_who_may_be_one_person_are_not_compared() -> None:
    found = pairs(
        [take("anna", "1", "actors"), take("ben", "2", "actors"), take("carl", "3"), take("anna", "4", "actors")]
    )
    names = [{found.names[number] for number in row} for row in found.speakers.tolist()]
    assert sorted(map(sorted, names)) == [["anna"], ["anna", "carl"], ["anna", "carl"], ["ben", "carl"]]


def test_log_odds_are_those_of_the_gateway() -> None:
    calibration = Calibration((40.0, -10.0, 1.0), (-30.0, 12.0, -1.0), (0.6, 15.0))
    found = pairs([take("anna", "1", seconds=0.3), take("anna", "2", seconds=4), take("ben", "3", seconds=90)])
    for score, (one, other), odds in zip(found.score, found.seconds, found.log_odds(calibration), strict=True):
        told = calibration.probability(float(score), float(one), float(other))
        assert 1 / (1 + math.exp(-odds)) == pytest.approx(told)


def test_equal_error_rate_of_known_scores() -> None:
    assert equal_error_rate(np.array([0.8, 0.9]), np.array([0.1, 0.2]))[0] == 0
    rate, threshold = equal_error_rate(np.array([0.3, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.25, 0.75]))
    assert rate == pytest.approx(0.25)
    assert 0.3 <= threshold <= 0.75


def test_both_kinds_are_judged_at_one_half() -> None:
    judged = judge(scored([0.4, 0.6, 0.7, 0.8], [0.1, 0.2]), PLAIN)
    assert judged["same_accepted"].share == 0.75
    assert judged["other_refused"].share == 1
    assert judged["equal_error_rate"].share == 0


def test_a_rate_comes_with_the_range_over_draws_of_speakers() -> None:
    """Half of the speakers are never known again: by how many of them are drawn, the rate differs much."""
    speakers = np.array([(each, each) for each in range(20)] + [(each, (each + 1) % 20) for each in range(20)])
    score = np.array([0.9, 0.1] * 10 + [0.2] * 20)
    names = tuple(map(str, range(20)))
    rate = judge(Pairs(score, np.full((40, 2), 3.0), speakers, names), PLAIN)["same_accepted"]
    assert rate.share == 0.5
    assert 0.2 < rate.low < 0.4
    assert 0.6 < rate.high < 0.8
