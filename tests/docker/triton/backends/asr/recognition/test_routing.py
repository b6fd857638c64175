"""Which rows have no words whatever an engine would write."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from docker.triton.backends.asr.recognition.graph import GraphCall, Tensors
from docker.triton.backends.asr.recognition.routing import Route, Router
from docker.triton.backends.asr.recognition.version import Version
from docker.triton.backends.asr.recognition.wish import Wish
from tests.docker.scripted_engines import facts
from tests.docker.scripted_graph import manifest_of

LIMIT = 0.03  # no more of the likeliest language says nothing


def router() -> Router:
    """English and Spanish are written; Russian is only told from them."""
    engines = [{**engine, "voice_activity": None} for engine in facts()["engines"]]
    detection = {
        **manifest_of("language_id"),
        "heard_languages": ["en", "es", "ru"],
        "guards": {"language_probability": LIMIT, "no_speech_probability": 0.9},
        "calibration": {},
    }
    return Router(Version.parse(json.dumps(facts(engines=engines, detection=detection))))


@pytest.mark.parametrize(
    ("english", "spanish", "russian", "language", "withheld"),
    [
        (0.10, 0.25, 0.60, "es", True),
        (0.10, 0.25, 0.45, "es", False),
        (0.45, 0.04, 0.51, "en", True),
        (0.02, 0.01, 0.10, "en", True),
        (0.06, 0.01, 0.10, "en", False),
        (0.60, 0.30, 0.10, "en", False),
    ],
)
def test_what_is_mostly_a_language_that_no_engine_writes_has_no_words_and_its_likeliest_other_is_told(
    english: float, spanish: float, russian: float, language: str, withheld: bool
) -> None:
    def calls(asked: Sequence[GraphCall]) -> list[Tensors]:
        heard = np.array([[english, spanish, russian]], np.float32)
        return [{"LANGUAGE": heard, "NO_SPEECH": np.array([[0.01]], np.float32)} for _ in asked]

    sound = np.random.default_rng(0).integers(-999, 999, 16_000).astype(np.int16)
    (route,) = router().routes([Wish(sound)], calls)
    assert isinstance(route, Route)
    assert (route.wish.language, route.wish.unspoken) == (language, withheld)
    assert route.told is not None
    assert route.told.language_probability == pytest.approx(max(english, spanish), abs=1e-4)
