"""Recognisers as the engines of one version of `asr`: the first that knows a language and a task serves them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.failure import ExportError
from export.publishing.publication import MANIFEST_FILE, Version, versions

TOKENIZER_FILE = "tokenizer.json"
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Engine:
    """What a manifest tells of one recogniser over its graph, and the tokenizer that lies beside."""

    facts: Facts
    tokenizer: str
    steps: Mapping[str, bytes] = field(default_factory=dict)  # the graphs that the backend drives itself

    @property
    def serves(self) -> set[tuple[str, str]]:
        return {(language, task) for language in self.facts["languages"] for task in self.facts["tasks"]}


def files(engines: Sequence[Engine], detection: Facts | None, recipe: str = "") -> dict[str, bytes]:
    """Of a version. One engine is a version itself; which of several is meant is heard by `detection`."""
    if len(engines) == 1:
        told, graphs = _driven(engines[0], "steps")
        return {MANIFEST_FILE: text_of(told), TOKENIZER_FILE: engines[0].tokenizer.encode(), **graphs}
    every, beside = [], dict[str, bytes]()
    for number, engine in enumerate(engines, 1):
        name = f"tokenizer-{number}.json"
        told, graphs = _driven(engine, f"steps-{number}")
        every.append({**told, "tokenizer": name})
        beside |= {name: engine.tokenizer.encode(), **graphs}
    manifest = {**_together(every), "recipe": recipe, "engines": every, "detection": detection}
    return {MANIFEST_FILE: text_of(manifest), **beside}


def _driven(engine: Engine, folder: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What is told of an engine, and the files of its graphs where it has any here."""
    if not engine.steps:
        return {**engine.facts}, {}
    return {**engine.facts, "steps": folder}, {f"{folder}/{name}": content for name, content in engine.steps.items()}


def stored(version: Version) -> list[Engine]:
    """The engines of a published version."""
    every = version.manifest.get("engines") or [version.manifest]
    try:
        return [
            Engine(facts, (version.path / _tokenizer(facts)).read_text("utf-8"), _graphs(version.path, facts))
            for facts in every
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{version.path} cannot be read ({error}): name no --languages, or delete it") from error


def beside(repository: Path, engine: Engine) -> tuple[list[Engine], Facts | None]:
    """This engine first, then those of the served version that it leaves something to do; and who tells them apart."""
    published = versions(repository / "asr")
    found, taken = [engine], set(engine.serves)
    for other in stored(published[-1]) if published else ():
        if not other.serves <= taken:
            found.append(other)
            taken |= other.serves
    if len(found) == 1:
        return found, None
    return found, published[-1].manifest.get("detection") or _language_id(repository)


def _graphs(folder: Path, facts: Facts) -> dict[str, bytes]:
    steps = facts.get("steps")
    return {path.name: path.read_bytes() for path in sorted((folder / steps).iterdir())} if steps else {}


def text_of(manifest: Facts) -> bytes:
    return json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode()


def _language_id(repository: Path) -> Facts | None:
    """Where it is no graph of ours, languages have to be named."""
    published = versions(repository / "language_id")
    return published[-1].manifest if published and "graph" in published[-1].manifest else None


def _together(engines: Sequence[Facts]) -> dict[str, Any]:
    """What all of them know and keep to, for who does not look at each."""
    identities = "\n".join(str(each["identity"]) for each in engines)
    limits = [each["limits"] for each in engines]
    return {
        "model": "asr",
        "identity": hashlib.sha256(identities.encode()).hexdigest(),
        "languages": _union(engines, "languages"),
        "tasks": _union(engines, "tasks"),
        "limits": {
            "sample_rate": limits[0]["sample_rate"],
            **{name: min(each[name] for each in limits) for name in ("max_seconds", "piece_seconds")},
        },
        "source": "; ".join(str(each["source"]) for each in engines),
        "licence": "; ".join(str(each["licence"]) for each in engines),
        **_providers(engines),
        "parity": max((each["parity"] for each in engines), key=lambda parity: parity["max_difference"]),
    }


def _providers(engines: Sequence[Facts]) -> dict[str, Any]:
    """What the version can be served on, where it has graphs of its own."""
    told = [each["providers"] for each in engines if "providers" in each]
    return {"providers": [name for name in told[0] if all(name in each for each in told)]} if told else {}


def _union(engines: Sequence[Facts], key: str) -> list[str]:
    return list(dict.fromkeys(value for each in engines for value in each[key]))


def _tokenizer(facts: Facts) -> str:
    return str(facts.get("tokenizer") or TOKENIZER_FILE)
