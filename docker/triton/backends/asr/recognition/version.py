"""What a version of `asr` serves: one engine or several, and what hears the language for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import NEWEST, GraphRef, Manifest, ManifestError, manifest_errors
from .wish import RequestError, Wish


@dataclass(frozen=True)
class Version:
    engines: tuple[Manifest, ...]  # the first that knows a language and a task serves them
    detection: Manifest | None  # asked which language is spoken; None: the only engine finds it itself
    text: str  # as it stands in the file

    @classmethod
    def parse(cls, text: str) -> Version:
        with manifest_errors():
            return _version(json.loads(text), text)

    @property
    def graphs(self) -> tuple[GraphRef, ...]:
        """All that is called, each once; of voice activity the version that serves."""
        every = [*self.engines, *([self.detection] if self.detection else [])]
        voices = [GraphRef(each.voice_activity, NEWEST) for each in self.engines if each.voice_activity]
        return tuple(dict.fromkeys([*(each.graph for each in every), *voices]))

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(language for engine in self.engines for language in engine.languages))

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(task for engine in self.engines for task in engine.tasks))

    @property
    def max_samples(self) -> int:
        return max(engine.max_samples for engine in self.engines)

    def served(self, task: str) -> list[str]:
        """The languages in which this is done."""
        return [language for language in self.languages if self._place(language, task) is not None]

    def candidates(self, wish: Wish) -> tuple[int, ...]:
        """The engines that may serve a wish: one where its language is given or the engine finds that itself."""
        if wish.task not in self.tasks:
            raise RequestError(f"TASK {wish.task!r} is unknown, the model can {', '.join(self.tasks)}")
        if wish.language and wish.language not in self.languages:
            known = ", ".join(self.languages)
            raise RequestError(f"LANGUAGE {wish.language!r} is unknown, the model knows {known}")
        if wish.language:
            return self._of_language(wish.language, wish.task)
        if self.detection is None:
            return self._finding_itself()
        return tuple(place for place, engine in enumerate(self.engines) if wish.task in engine.tasks)

    def _of_language(self, language: str, task: str) -> tuple[int, ...]:
        found = self._place(language, task)
        if found is None:
            known = ", ".join(self.served(task))
            raise RequestError(f"TASK {task!r} is not done of LANGUAGE {language!r}, only of {known}")
        return (found,)

    def _finding_itself(self) -> tuple[int, ...]:
        (engine,) = self.engines
        if engine.family == "ctc" and len(engine.languages) > 1:
            known = ", ".join(engine.languages)
            raise RequestError(f"LANGUAGE is needed, one of {known}: the model detects none")
        return (0,)

    def _place(self, language: str, task: str) -> int | None:
        fitting = (
            place for place, engine in enumerate(self.engines) if language in engine.languages and task in engine.tasks
        )
        return next(fitting, None)


def _version(content: Mapping[str, Any], text: str) -> Version:
    engines = tuple(Manifest.of(each) for each in content.get("engines") or [content])
    detection = Manifest.of(content["detection"]) if content.get("detection") else None
    if detection is None and len(engines) > 1:
        raise ManifestError("several engines need a detection: nothing says whose language it is")
    version = Version(engines, detection, text)
    heard = {*detection.languages} if detection else {*version.languages}
    for task in version.tasks:
        if not {*version.served(task)} & heard:
            raise ManifestError(f"the detection knows no language in which {task!r} is done")
    return version
