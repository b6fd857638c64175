"""Recordings are heard as the gateway hears them."""

import numpy as np
import pytest

from export.calibration.listening import Listener
from export.calibration.voices import TEST_VOICES, sentences, speak


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


def test_only_speech_reaches_the_embedding(listener: Listener) -> None:
    quiet = np.zeros(16_000, np.int16)
    spoken = speak(TEST_VOICES[0], sentences("en")[0])
    flags = listener.speech(np.concatenate([quiet, spoken, quiet]))
    assert not flags[:14_000].any()
    assert flags[16_000:-16_000].mean() > 0.6
    assert not flags[-12_000:].any()


def test_an_embedding_has_length_one(listener: Listener) -> None:
    assert np.linalg.norm(listener.embed(speak(TEST_VOICES[0], "hello"))) == pytest.approx(1, abs=1e-5)
