"""Which engine hears which row: by its language, which is asked for where none is given; and whether it is speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import voices
from .detection import Detection
from .graph import Calls
from .version import Version
from .wish import RequestError, Wish, check_length


@dataclass(frozen=True)
class Route:
    """A wish and the engines that may serve it; one once it is clear which."""

    wish: Wish
    engines: tuple[int, ...]
    language_probability: float | None = None  # of a language that was asked for first


class Router:
    """Of one version. What is asked of a model is asked for all rows that need it at once, and for no others."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self._detection = Detection(version.detection) if version.detection else None

    def routes(self, wishes: Sequence[Wish], calls: Calls) -> list[Route | RequestError]:
        found = [self._route(wish) for wish in wishes]
        good = [route for route in found if isinstance(route, Route)]
        ready = iter(self._with_language(self._with_voices(good, calls), calls))
        return [next(ready) if isinstance(route, Route) else route for route in found]

    def _route(self, wish: Wish) -> Route | RequestError:
        try:
            check_length(wish, self._version.max_samples)
            return Route(wish, self._version.candidates(wish))
        except RequestError as error:
            return error

    def _with_voices(self, routes: Sequence[Route], calls: Calls) -> list[Route]:
        """Rows in which nobody speaks are marked so, where an engine would write text all the same."""
        found = list(routes)
        models = [self._voice_activity(route) for route in routes]
        for model in {*models} - {None}:
            places = [place for place, each in enumerate(models) if each == model]
            spoken = voices.spoken([routes[place].wish.audio for place in places], str(model), calls)
            for place, is_speech in zip(places, spoken, strict=True):
                found[place] = replace(routes[place], wish=replace(routes[place].wish, unspoken=not is_speech))
        return found

    def _voice_activity(self, route: Route) -> str | None:
        if route.wish.silent:
            return None
        models = (self._version.engines[engine].voice_activity for engine in route.engines)
        return next((model for model in models if model), None)

    def _with_language(self, routes: Sequence[Route], calls: Calls) -> list[Route]:
        """Of what nobody said no language is likely, so the first engine may say that there are no words."""
        if self._detection is None:
            return list(routes)
        asked = [route for route in routes if not route.wish.language and not route.wish.silent]
        heard = iter(self._heard(asked, calls) if asked else [])
        found = []
        for route in routes:
            if route.wish.language:
                found.append(route)
            elif route.wish.silent:
                found.append(Route(route.wish, route.engines[:1], 0.0))
            else:
                found.append(next(heard))
        return found

    def _heard(self, routes: Sequence[Route], calls: Calls) -> list[Route]:
        """In the likeliest of the languages in which the task is done, however likely that is."""
        assert self._detection is not None
        told = self._detection.probabilities([route.wish for route in routes], calls)
        found = []
        for route, probabilities in zip(routes, told, strict=True):
            served = [language in self._version.served(route.wish.task) for language in self._detection.languages]
            best = int(np.where(served, probabilities, -1.0).argmax())
            wish = replace(route.wish, language=self._detection.languages[best])
            found.append(Route(wish, self._version.candidates(wish), float(probabilities[best])))
        return found
