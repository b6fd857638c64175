"""What a version's manifest may say of its engines."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from docker.triton.backends.asr.recognition.manifest import GraphRef, ManifestError
from docker.triton.backends.asr.recognition.version import Version
from docker.triton.backends.asr.recognition.wish import RequestError, Wish
from tests.docker.scripted_engines import facts
from tests.docker.scripted_graph import manifest_of


def version(content: dict[str, Any]) -> Version:
    return Version.parse(json.dumps(content))


def test_a_manifest_without_engines_is_one_itself() -> None:
    one = version(manifest_of("asr"))
    assert len(one.engines) == 1
    assert one.languages == ("en", "es")
    assert one.engines[0].tokenizer == "tokenizer.json"
    assert one.graphs == (GraphRef("whisper", 1),)


def test_a_version_knows_what_its_engines_know_together_and_calls() -> None:
    two = version(facts())
    assert two.languages == ("en", "es")
    assert two.tasks == ("transcribe", "translate")
    assert two.served("translate") == ["es"]
    assert two.max_samples == 30 * 16_000
    names = [graph.model for graph in two.graphs]
    assert names == ["english", "spanish", "languages", "vad"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engines": [{}]}, "limits"),
        ({"engines": "two"}, r"manifest\.json"),
    ],
)
def test_engines_that_cannot_be_served_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        version(facts(**changes))


@pytest.mark.parametrize(
    ("content", "task"),
    [
        (facts(detection=None), "transcribe"),
        (facts(detection={**facts()["detection"], "languages": ["en"]}), "translate"),
        ({**manifest_of("asr"), "family": "ctc", "tokens": None}, "transcribe"),
    ],
    ids=["nobody to ask", "who knows other languages", "letters alone"],
)
def test_where_nobody_hears_the_language_it_must_be_named_but_for_silence(content: dict[str, Any], task: str) -> None:
    found = version(content)
    sound = np.random.default_rng(0).integers(-999, 999, 16_000).astype(np.int16)
    with pytest.raises(RequestError, match="LANGUAGE is needed, one of "):
        found.candidates(Wish(sound, task=task))
    assert found.candidates(Wish(sound, language="es", task=task))
    assert found.candidates(Wish(0 * sound, task=task))
