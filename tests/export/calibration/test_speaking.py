"""Limits below which nothing was said: how they are fitted, and that those in the repository are of its heads."""

import hashlib

import pytest

from export.calibration.speaking import FIT, JUDGED, Answer, fit
from export.heads.reference import WEIGHTS
from export.publishing.moonshine import speaking


def person(probability: float, no_speech: float, part: str = FIT, heard: str = "en", unwritten: float = 0.0) -> Answer:
    return Answer(part, "alone", "en", heard, probability, unwritten, no_speech)


def sound(no_speech: float, part: str = FIT) -> Answer:
    return Answer(part, "nobody", "", "fr", 0.1, 0.0, no_speech)


PEOPLE = [person(place / 100, 0.001 * place) for place in range(1, 101)]


def test_the_limit_of_no_speech_stands_between_people_and_sounds() -> None:
    limits = fit([*PEOPLE, sound(0.5), sound(0.9)])["guards"]
    assert 0.099 < limits["no_speech_probability"] < 0.5
    tighter = fit([*PEOPLE, sound(0.3), sound(0.9)])["guards"]
    assert tighter["no_speech_probability"] < limits["no_speech_probability"]


def test_the_limit_of_a_language_costs_one_of_a_hundred_that_are_heard_right() -> None:
    assert fit([*PEOPLE, sound(0.5)])["guards"]["language_probability"] == pytest.approx(0.02, abs=0.005)
    wrong = [person(0.001, 0.001, heard="fr")] * 50
    assert fit([*PEOPLE, *wrong, sound(0.5)])["guards"]["language_probability"] == pytest.approx(0.02, abs=0.005)


def test_who_judges_moves_no_limit_and_is_counted_apart() -> None:
    judging = [person(0.9, 0.99, JUDGED), person(0.001, 0.001, JUDGED, "fr"), sound(0.99, JUDGED), sound(0.01, JUDGED)]
    result = fit([*PEOPLE, sound(0.5), *judging])
    assert result["guards"] == fit([*PEOPLE, sound(0.5)])["guards"]
    assert result["judged_on"] == {
        "alone en": {"clips": 2, "silent": 2, "silent_and_right": 1},
        "nobody": {"clips": 2, "silent": 1, "silent_and_right": 0},
    }


def test_what_is_mostly_a_language_that_no_engine_writes_is_counted_as_silent() -> None:
    judging = [person(0.3, 0.001, JUDGED, unwritten=unwritten) for unwritten in (0.49, 0.51, 0.69)]
    judged = fit([*PEOPLE, sound(0.5), *judging])["judged_on"]
    assert judged == {"alone en": {"clips": 3, "silent": 2, "silent_and_right": 2}}


def test_the_limits_in_the_repository_are_of_the_heads_in_the_repository() -> None:
    """After new heads: python -m export.calibration.speaking."""
    told = speaking()
    assert told["heads_sha256"] == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert 0 < told["guards"]["language_probability"] < 0.1
    assert 0 < told["guards"]["no_speech_probability"] < 0.5
