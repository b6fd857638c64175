"""What a version of `asr` serves: one engine or several, and what hears the language for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .manifest import NEWEST, GraphRef, Manifest, manifest_errors
from .wish import RequestError, Wish


@dataclass(frozen=True)
class Version:
    engines: tuple[Manifest, ...]  # the first that knows a language and a task serves them
    detection: Manifest | None  # asked which language is spoken; None: an only engine finds it itself
    text: str  # as it stands in the file

    @classmethod
    def parse(cls, text: str) -> Version:
        with manifest_errors():
            return _version(json.loads(text), text)

    @property
    def graphs(self) -> tuple[GraphRef, ...]:
        """All that is called, each once; of voice activity the version that serves."""
        every = [*self.engines, *([self.detection] if self.detection else [])]
        every = [each for each in every if each.graph not in self.driven]
        voices = [GraphRef(each.voice_activity, NEWEST) for each in self.engines if each.voice_activity]
        return tuple(dict.fromkeys([*(each.graph for each in every), *voices]))

    @property
    def driven(self) -> dict[GraphRef, str]:
        """The folders of those that the backend drives itself, by the graphs whose place they take."""
        return {each.graph: each.steps for each in self.engines if each.steps is not None}

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
        doing = tuple(place for place, engine in enumerate(self.engines) if wish.task in engine.tasks)
        if not wish.silent and not self._hears(wish.task):
            known = ", ".join(self.served(wish.task))
            raise RequestError(f"LANGUAGE is needed, one of {known}: the model detects none of them")
        return doing if self.detection else doing[:1]

    def _hears(self, task: str) -> bool:
        """Whether it can be found out which of the languages is spoken."""
        if self.detection is not None:
            return bool({*self.detection.languages} & {*self.served(task)})
        return len(self.languages) == 1 or (len(self.engines) == 1 and self.engines[0].family != "ctc")

    def _of_language(self, language: str, task: str) -> tuple[int, ...]:
        found = self._place(language, task)
        if found is None:
            known = ", ".join(self.served(task))
            raise RequestError(f"TASK {task!r} is not done of LANGUAGE {language!r}, only of {known}")
        return (found,)

    def _place(self, language: str, task: str) -> int | None:
        fitting = (
            place for place, engine in enumerate(self.engines) if language in engine.languages and task in engine.tasks
        )
        return next(fitting, None)


def _version(content: Mapping[str, Any], text: str) -> Version:
    engines = tuple(Manifest.of(each) for each in content.get("engines") or [content])
    detection = Manifest.of(content["detection"]) if content.get("detection") else None
    return Version(engines, detection, text)
