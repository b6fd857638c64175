"""What serves behind one recogniser: engines, each with languages, tasks and limits of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Task = Literal["transcribe", "translate"]


@dataclass(frozen=True)
class Engine:
    """The first of a version that knows a language and a task serves them."""

    name: str
    languages: tuple[str, ...]
    tasks: tuple[str, ...]
    max_seconds: float = 30.0
    # Of speech that it hears best at once; 0 where it does not say.
    piece_seconds: float = 0.0
    # Whether words can be given that the result begins with.
    prefix: bool = False
    # Whether it says beside the words which language it hears, as whoever is asked for the language first would.
    hears_language: bool = False
    # Whether it has to be told which of its languages is spoken: nobody behind the recogniser finds that out.
    needs_language: bool = False

    @classmethod
    def parse(cls, content: Mapping[str, Any], detection: Mapping[str, Any], heard: set[str]) -> "Engine":
        limits, graph = content.get("limits") or {}, content.get("graph") or {}
        languages, tasks = (tuple(map(str, content.get(key) or ())) for key in ("languages", "tasks"))
        return cls(
            " ".join(str(graph[key]) for key in ("model", "version") if key in graph),
            languages,
            tasks or ("transcribe",),
            float(limits.get("max_seconds") or 30),
            float(limits.get("piece_seconds") or 0),
            bool((content.get("capabilities") or {}).get("prefix")),
            bool(graph) and (detection.get("graph") or {}) == graph,
            heard.isdisjoint(languages),
        )


def behind(content: Mapping[str, Any]) -> tuple[Engine, ...]:
    """Those that a recogniser's manifest tells of; one without engines is one itself."""
    several, detection = content.get("engines") or [content], content.get("detection") or {}
    heard = {str(known) for each in several for known in each.get("languages") or ()}
    if detection:
        heard = set(map(str, detection.get("languages") or ()))
    elif len(heard) > 1 and (len(several) > 1 or several[0].get("family") == "ctc"):
        heard = set()  # as `asr` says: letters alone tell no language, and of several engines none is the one to ask
    return tuple(Engine.parse(each, detection, heard) for each in several)


def serving(engines: Sequence[Engine], language: str | None, task: str) -> Engine | None:
    """Who hears this; where the language is not known yet, what suits everyone who may. None where nobody does."""
    able = [each for each in engines if task in each.tasks]
    if language:
        return next((each for each in able if language in each.languages), None)
    if len(able) < 2:
        return able[0] if able else None
    return Engine(
        "",
        tuple(dict.fromkeys(known for each in able for known in each.languages)),
        (task,),
        min(each.max_seconds for each in able),
        min(each.piece_seconds or each.max_seconds for each in able),
        all(each.prefix for each in able),
        needs_language=all(each.needs_language for each in able),
    )


def reachable(engines: Sequence[Engine]) -> dict[str, tuple[str, Task]]:
    """Of each engine that serves anything a language and a task by which it is asked."""
    found: dict[str, tuple[str, Task]] = {}
    for engine in engines:
        pairs = ((language, task) for language in engine.languages for task in get_args(Task))
        mine = next((pair for pair in pairs if serving(engines, *pair) is engine), None)
        if mine:
            found[engine.name] = mine
    return found
