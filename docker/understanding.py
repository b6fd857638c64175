"""What the recogniser of a repository understands, for who starts it: languages, by whose weights, and translation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WORDS = {"transcribe": "understands", "translate": "translates"}


def understanding(repository: Path) -> list[str]:
    """A line for each task of the newest version of `asr`; none where it does not say."""
    try:
        newest = max((path for path in (repository / "asr").iterdir() if path.name.isdecimal()), key=_number)
        manifest = json.loads((newest / "manifest.json").read_bytes())
        engines = manifest.get("engines") or [manifest]
        return [line for task, word in WORDS.items() if (line := _line(word, served(engines, task)))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def served(engines: list[Mapping[str, Any]], task: str) -> dict[str, list[str]]:
    """The languages that each engine serves: the first that knows one does."""
    found: dict[str, list[str]] = {}
    taken: set[str] = set()
    for engine in engines:
        languages = [each for each in engine["languages"] if task in engine["tasks"] and each not in taken]
        taken |= {*languages}
        if languages:
            found[f"{engine['graph']['model']} {engine['graph']['version']} ({engine['licence']})"] = languages
    return found


def _line(word: str, by: Mapping[str, list[str]]) -> str:
    told = "; ".join(f"{', '.join(languages)} by {name}" for name, languages in by.items())
    return f"  {word:<11} {told}" if told else ""


def _number(path: Path) -> int:
    return int(path.name)
