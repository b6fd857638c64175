"""Voices, trials and the fit: the arithmetic is sound and the committed figures keep their promises."""

import json
import math

import numpy as np
import pytest

from export.calibration.verification import (
    Listener,
    Trials,
    accuracy,
    equal_error_rate,
    fit_logistic,
    trials,
    utterance,
)
from export.calibration.voices import (
    OTHER_SYNTHESIZER_VOICES,
    TEST_VOICES,
    sentences,
    speak,
)
from export.publishing.recipes import RECIPES

FIGURES = json.loads(RECIPES["speaker_embedding"].calibration_path.read_text())["figures"]


def figure(name: str, seconds: int) -> dict[str, float]:
    return next(row for row in FIGURES if (row["set"], row["window_seconds"]) == (name, seconds))


@pytest.mark.parametrize(("seconds", "most"), [(3, 0.03), (5, 0.015)])
@pytest.mark.parametrize("name", ["test voices", "other synthesizer"])
def test_unseen_voices_are_told_apart(name: str, seconds: int, most: float) -> None:
    row = figure(name, seconds)
    assert row["equal_error_rate"] <= most
    assert row["same_accepted"] >= 0.95
    assert row["different_refused"] >= 0.95


def test_the_figure_across_languages_is_published() -> None:
    assert figure("test voices across languages", 5)["same_trials"] > 500


def test_a_synthetic_voice_is_known_again_and_another_refused() -> None:
    """The whole way once more on three unseen voices, so that the committed figures cannot outlive the graphs."""
    listener = Listener()
    assert json.loads(RECIPES["speaker_embedding"].calibration_path.read_text())["identity"] == listener.identity
    voices = (*TEST_VOICES[4:6], OTHER_SYNTHESIZER_VOICES[0])
    templates = {voice: listener.template(voice, "en") for voice in voices}
    heard = {voice: listener.windows(utterance(voice, "en", slice(5, 9)), 5) for voice in voices}
    calibration = RECIPES["speaker_embedding"].calibration()
    assert calibration is not None
    assert accuracy(trials(templates, heard), (calibration["slope"], calibration["intercept"])) == (1, 1)


def test_only_speech_reaches_the_embedding() -> None:
    listener = Listener()
    quiet = np.zeros(16_000, np.int16)
    spoken = speak(TEST_VOICES[0], sentences("en")[0])
    flags = listener.speech(np.concatenate([quiet, spoken, quiet]))
    assert not flags[:14_000].any()
    assert flags[16_000:-16_000].mean() > 0.6
    assert not flags[-12_000:].any()
    assert len(listener.windows(np.zeros(100_000, np.int16), 3)) == 0


def test_the_fit_finds_the_middle_between_the_classes_whatever_their_sizes() -> None:
    random = np.random.default_rng(3)
    scores = Trials(random.normal(0.9, 0.03, 300), random.normal(0.7, 0.03, 9_000))
    slope, intercept = fit_logistic(scores, 1e-4)
    assert slope > 0
    assert -intercept / slope == pytest.approx(0.8, abs=0.01)


def test_the_fit_stays_finite_on_classes_that_do_not_overlap() -> None:
    slope, intercept = fit_logistic(Trials(np.full(10, 0.9), np.full(10, 0.5)), 1e-4)
    assert math.isfinite(slope + intercept)
    assert accuracy(Trials(np.full(10, 0.9), np.full(10, 0.5)), (slope, intercept)) == (1, 1)


def test_equal_error_rate_of_known_scores() -> None:
    apart = Trials(np.array([0.8, 0.9]), np.array([0.1, 0.2]))
    assert equal_error_rate(apart)[0] == 0
    one_of_four_wrong = Trials(np.array([0.3, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.25, 0.75]))
    assert equal_error_rate(one_of_four_wrong)[0] == pytest.approx(0.25)
