"""What a version of the embedding model makes of scores, and of how much speech they were found in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.calibration import Calibration

BY_SPEECH = Calibration.parse(
    {"kind": "logistic by speech", "slope": [50, -20, 4], "intercept": [-40, 25, -6], "seconds": [0.5, 20]}
)


@pytest.mark.parametrize("score", [-1.0, 0.0, 0.7, 1.0])
def test_plain_numbers_do_not_look_at_the_amount_of_speech(score: float) -> None:
    calibration = Calibration.parse({"kind": "logistic", "slope": 20, "intercept": -14})
    assert calibration is not None
    for seconds in (0.0, 0.1, 3.0, 1e6):
        assert calibration.probability(score, seconds, 2) == pytest.approx(1 / (1 + math.exp(-(20 * score - 14))))


def test_slope_and_intercept_follow_the_scarcity_of_speech() -> None:
    assert BY_SPEECH is not None
    scarcity = 1 / 2 + 1 / 4
    exponent = (50 - 20 * scarcity + 4 * scarcity**2) * 0.7 - 40 + 25 * scarcity - 6 * scarcity**2
    assert BY_SPEECH.probability(0.7, 2, 4) == pytest.approx(1 / (1 + math.exp(-exponent)))


@given(score=st.floats(-1, 1), one=st.floats(0, 1e9), other=st.floats(0, 1e9))
def test_whatever_comes_is_a_probability_and_the_same_both_ways(score: float, one: float, other: float) -> None:
    assert BY_SPEECH is not None
    probability = BY_SPEECH.probability(score, one, other)
    assert 0 <= probability <= 1
    assert probability == pytest.approx(BY_SPEECH.probability(score, other, one))


def test_amounts_that_were_not_measured_count_as_the_nearest_that_were() -> None:
    assert BY_SPEECH is not None
    assert BY_SPEECH.probability(0.7, 0.01, 900) == BY_SPEECH.probability(0.7, 0.5, 20)


@pytest.mark.parametrize("content", [None, {}, {"temperature": 2.0}, {"confidence": None}, "logistic"])
def test_what_calibrates_something_else_is_none_of_a_voice(content: object) -> None:
    assert Calibration.parse(content) is None


@pytest.mark.parametrize(
    "content",
    [
        {"slope": 1},
        {"slope": [], "intercept": 1},
        {"slope": math.nan, "intercept": 1},
        {"slope": [1, 2], "intercept": 1},
        {"slope": 1, "intercept": 1, "seconds": [3, 1]},
        {"slope": [1, 2], "intercept": 1, "seconds": [0, 1]},
        {"slope": 1, "intercept": 1, "seconds": [1]},
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(content: object) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Calibration.parse(content)
