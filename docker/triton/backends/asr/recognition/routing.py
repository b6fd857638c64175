"""Which engine hears which row: by its language, which is asked for where none is given; and whether it is speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from . import voices
from .detection import Detection
from .graph import Calls
from .version import Version
from .wish import RequestError, Wish, check_length

Probabilities = npt.NDArray[np.float32]

MOSTLY = 0.5  # likelier than all other languages together


@dataclass(frozen=True)
class Told:
    """What was heard before any engine was asked."""

    language_probability: float
    no_speech_probability: float  # 1 where it is too likely for words: who reads it need not know the limit


@dataclass(frozen=True)
class Route:
    """A wish and the engines that may serve it; one once it is clear which."""

    wish: Wish
    engines: tuple[int, ...]
    told: Told | None = None  # where the language was asked for first


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
        asked = [route for route in routes if self._is_asked(route)]
        heard = iter(self._heard(asked, calls) if asked else [])
        return [next(heard) if self._is_asked(route) else self._unasked(route) for route in routes]

    def _is_asked(self, route: Route) -> bool:
        """Which language it is; of a given one whether anybody speaks, where its engine writes text all the same."""
        return not route.wish.silent and (
            not route.wish.language or self._version.engines[route.engines[0]].trusts_detection
        )

    def _unasked(self, route: Route) -> Route:
        return route if route.wish.language else Route(route.wish, route.engines[:1], Told(0.0, 1.0))

    def _heard(self, routes: Sequence[Route], calls: Calls) -> list[Route]:
        assert self._detection is not None
        heard = self._detection.heard([route.wish for route in routes], calls)
        rows = zip(routes, heard.probabilities, heard.no_speech, strict=True)
        return [
            self._given(route, float(no_speech))
            if route.wish.language
            else self._found(route, likely, float(no_speech))
            for route, likely, no_speech in rows
        ]

    def _given(self, route: Route, no_speech: float) -> Route:
        assert self._detection is not None
        if not self._detection.hears_nobody(no_speech):
            return route
        return replace(route, wish=replace(route.wish, unspoken=True))

    def _found(self, route: Route, probabilities: Probabilities, no_speech: float) -> Route:
        """In the likeliest of the languages in which the task is done. Where that is hardly likely, or another mostly,
        or no voice is heard, nothing is written: rather no words than those of a wrong language. Who knows better, as
        of a stream that was understood before, gives the language, and then has its words."""
        assert self._detection is not None
        served = np.array([each in self._version.served(route.wish.task) for each in self._detection.languages])
        best = int(np.where(served, probabilities, -1.0).argmax())
        likely, other = float(probabilities[best]), float(probabilities[~served].max(initial=0.0))
        unsure = self._detection.says_nothing(likely) or other > MOSTLY
        withheld = unsure or self._detection.hears_nobody(no_speech)
        wish = replace(route.wish, language=self._detection.languages[best], unspoken=withheld)
        told = Told(likely, 1.0 if self._detection.hears_nobody(no_speech) else no_speech)
        return Route(wish, self._version.candidates(wish), told)
