"""Recognisers as the engines of one version of `asr`: the first that knows a language and a task serves them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    @property
    def serves(self) -> set[tuple[str, str]]:
        return {(language, task) for language in self.facts["languages"] for task in self.facts["tasks"]}


def files(engines: Sequence[Engine], detection: Facts | None, recipe: str = "") -> dict[str, bytes]:
    """Of a version. One engine is a version itself; which of several is meant is heard by `detection`."""
    if len(engines) == 1:
        return {MANIFEST_FILE: text_of(engines[0].facts), TOKENIZER_FILE: engines[0].tokenizer.encode()}
    names = [f"tokenizer-{number}.json" for number in range(1, len(engines) + 1)]
    told = [{**engine.facts, "tokenizer": name} for engine, name in zip(engines, names, strict=True)]
    manifest = {**_together(told), "recipe": recipe, "engines": told, "detection": detection}
    tokenizers = {name: engine.tokenizer.encode() for engine, name in zip(engines, names, strict=True)}
    return {MANIFEST_FILE: text_of(manifest), **tokenizers}


def stored(version: Version) -> list[Engine]:
    """The engines of a published version."""
    every = version.manifest.get("engines") or [version.manifest]
    try:
        return [Engine(facts, (version.path / _tokenizer(facts)).read_text("utf-8")) for facts in every]
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
        "parity": max((each["parity"] for each in engines), key=lambda parity: parity["max_difference"]),
    }


def _union(engines: Sequence[Facts], key: str) -> list[str]:
    return list(dict.fromkeys(value for each in engines for value in each[key]))


def _tokenizer(facts: Facts) -> str:
    return str(facts.get("tokenizer") or TOKENIZER_FILE)
