"""What a version's manifest may say of its engines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from docker.triton.backends.asr.recognition.manifest import GraphRef, ManifestError
from docker.triton.backends.asr.recognition.version import Version
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
        ({"detection": None}, "several engines need a detection"),
        (
            {"detection": {**facts()["detection"], "languages": ["en"]}},
            "knows no language in which 'translate' is done",
        ),
        ({"engines": [{}]}, "limits"),
        ({"engines": "two"}, r"manifest\.json"),
    ],
)
def test_engines_that_cannot_be_served_together_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        version(facts(**changes))
