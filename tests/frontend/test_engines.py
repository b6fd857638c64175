"""Which engine of a recogniser hears what, and how each is asked alone."""

import json
from typing import Any

import pytest

from frontend.engines import Engine, reachable, serving
from frontend.speech import Manifest

ENGLISH = Engine("moonshine 1", ("en",), ("transcribe",), 25.0, 18.0, prefix=True)
OTHERS = Engine("whisper 3", ("en", "de", "bg"), ("transcribe", "translate"), 30.0, 2.5)
BOTH = (ENGLISH, OTHERS)


@pytest.mark.parametrize(
    ("language", "task", "expected"),
    [
        ("en", "transcribe", ENGLISH),
        ("en", "translate", OTHERS),
        ("de", "transcribe", OTHERS),
        ("xx", "transcribe", None),
        (None, "translate", OTHERS),
        (None, "sing", None),
    ],
)
def test_the_first_that_knows_language_and_task_hears(language: str | None, task: str, expected: Engine | None) -> None:
    assert serving(BOTH, language, task) is expected


def test_where_the_language_is_not_known_yet_what_suits_all_of_them_holds() -> None:
    together = serving(BOTH, None, "transcribe")
    assert together == Engine("", ("en", "de", "bg"), ("transcribe",), 25.0, 2.5, prefix=False)


def test_each_engine_is_reached_by_what_it_alone_serves() -> None:
    shadowed = Engine("whisper 2", ("de",), ("translate",))
    assert reachable((*BOTH, shadowed)) == {"moonshine 1": ("en", "transcribe"), "whisper 3": ("en", "translate")}


def facts(**changes: Any) -> dict[str, Any]:
    limits = {"max_seconds": 30, "piece_seconds": 2.5}
    return {"model": "asr", "identity": "11", "languages": ["de"], "tasks": ["transcribe"], "limits": limits, **changes}


def test_a_manifest_tells_of_each_engine_and_one_without_engines_is_one() -> None:
    engine = facts(graph={"model": "whisper", "version": 3}, capabilities={"prefix": True})
    several = Manifest.parse(json.dumps(facts(engines=[engine, facts()])))
    assert several.engines[0] == Engine("whisper 3", ("de",), ("transcribe",), 30, 2.5, prefix=True)
    alone = Manifest.parse(json.dumps(engine))
    finding = {"graph": {"model": "whisper", "version": 3}, "languages": ["de"]}
    hearing = Manifest.parse(json.dumps(facts(engines=[engine, facts()], detection=finding)))
    assert [each.hears_language for each in (*several.engines, *hearing.engines)] == [False, False, True, False]
    assert alone.engines == several.engines[:1]
    assert alone.engine("xx").max_seconds == 30
    assert Manifest("asr", "11", languages=("en",), max_seconds=9).engine(None).max_seconds == 9


SEVERAL = ["de", "en"]
ONE, TWO, CTC = facts(), facts(languages=SEVERAL), facts(languages=SEVERAL, family="ctc")


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        (TWO, False),
        (CTC, True),
        ({"family": "ctc"}, False),
        (facts(languages=SEVERAL, engines=[ONE, facts(languages=["en"])]), True),
        (facts(engines=[ONE, ONE]), False),
        (facts(languages=SEVERAL, engines=[CTC, ONE], detection={"languages": ["fr", "en"]}), False),
        (facts(languages=SEVERAL, engines=[CTC, ONE], detection={"languages": ["fr"]}), True),
    ],
)
def test_a_language_has_to_be_given_where_neither_an_only_engine_nor_a_detection_tells_it(
    changes: dict[str, Any], needed: bool
) -> None:
    assert Manifest.parse(json.dumps(facts(**changes))).engine(None).needs_language is needed
