"""The committed heads: their form is the documented one, and their report speaks of these weights."""

import hashlib
import json
from typing import Any

from export.heads.reference import WEIGHTS, WIDTH, read
from export.training.heads.clip import LANGUAGES
from export.training.heads.report import markdown


def report() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((WEIGHTS.parent / "heads.json").read_text(encoding="utf-8"))
    return content


def test_the_report_judges_these_weights() -> None:
    content = WEIGHTS.read_bytes()
    assert report()["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 2 << 20


def test_the_page_is_the_reports() -> None:
    assert (WEIGHTS.parent / "HEADS.md").read_text(encoding="utf-8") == markdown(report())


def test_the_languages_are_those_that_were_trained() -> None:
    assert read().languages == LANGUAGES


def test_the_arrays_have_the_documented_shapes() -> None:
    heads = read()
    shapes = {name: value.shape for name, value in heads.arrays.items()}
    width, known, speech = shapes["language.0.attention.weight"][0], 64, 32
    expected = {
        "speech.input.weight": (speech, WIDTH),
        "speech.input.bias": (speech,),
        "speech.conv.weight": (speech, speech, 5),
        "speech.conv.bias": (speech,),
        "speech.output.weight": (speech,),
        "speech.output.bias": (1,),
    }
    for member in range(heads.members):
        parts = {
            "input.weight": (width, WIDTH),
            "input.bias": (width,),
            "conv0.weight": (width, width, 5),
            "conv0.bias": (width,),
            "conv1.weight": (width, width, 5),
            "conv1.bias": (width,),
            "attention.weight": (width,),
            "hidden.weight": (known, 2 * width),
            "hidden.bias": (known,),
            "output.weight": (len(LANGUAGES) + 1, known),
            "output.bias": (len(LANGUAGES) + 1,),
        }
        expected |= {f"language.{member}.{name}": shape for name, shape in parts.items()}
    assert shapes == expected


def test_the_report_tells_what_was_asked_of_the_heads() -> None:
    language, speech = report()["language"], report()["speech"]
    assert {"english", "german_spanish_french_italian", "sure_and_wrong", "unknown_and_sure"} <= language.keys()
    assert language["reliability"]
    assert {"refused_made", "refused_recorded", "lost_words", "lost_sentences"} <= speech.keys()
