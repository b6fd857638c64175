"""What `make run` says that it understands."""

import json
from pathlib import Path
from typing import Any

import pytest

from docker.understanding import understanding
from tests.docker.scripted_engines import facts


def publish(repository: Path, number: int, manifest: dict[str, Any]) -> None:
    folder = repository / "asr" / str(number)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def licensed() -> dict[str, Any]:
    told = facts()
    return {**told, "engines": [{**each, "licence": "MIT"} for each in told["engines"]]}


def test_each_language_is_named_with_who_serves_it_and_so_is_translation(tmp_path: Path) -> None:
    publish(tmp_path, 9, {})
    publish(tmp_path, 10, licensed())
    assert understanding(tmp_path) == [
        "  understands en by english 1 (MIT); es by spanish 1 (MIT)",
        "  translates  es by spanish 1 (MIT)",
    ]


def test_a_version_with_one_engine_is_told_the_same_way(tmp_path: Path) -> None:
    publish(tmp_path, 1, licensed()["engines"][0])
    assert understanding(tmp_path) == ["  understands en by english 1 (MIT)"]


@pytest.mark.parametrize("manifest", [{}, {"engines": 3}, {"engines": [{}]}, []])
def test_what_does_not_say_is_passed_over(tmp_path: Path, manifest: Any) -> None:
    assert understanding(tmp_path) == []
    publish(tmp_path, 1, manifest)
    assert understanding(tmp_path) == []
