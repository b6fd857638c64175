"""Which language is spoken, by the graph of an engine that hears it: nothing is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import prompt
from .graph import Calls, GraphCall, Row, inputs
from .manifest import Manifest, ManifestError
from .wish import Wish

# What is missing to 1 beyond rounding is the probability of another language, which has no name.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Heard:
    """What was heard of languages."""

    probabilities: npt.NDArray[np.float32]  # calibrated; a row for each wish, in the order of `languages`
    no_speech: npt.NDArray[np.float32]  # how likely nobody speaks


class Detection:
    def __init__(self, manifest: Manifest) -> None:
        if manifest.tokens is None:
            raise ManifestError(f"manifest.json: family {manifest.family!r} does not hear which language is spoken")
        self.languages = manifest.heard_languages
        self._manifest = manifest

    def row(self, wish: Wish) -> Row:
        return prompt.language_row(wish, self._manifest)

    def heard(self, wishes: Sequence[Wish], calls: Calls) -> Heard:
        rows = [self.row(wish) for wish in wishes]
        call = GraphCall(self._manifest.graph, inputs(rows, self._manifest), ("LANGUAGE", "NO_SPEECH"))
        (answer,) = calls([call])
        return Heard(calibrated(answer["LANGUAGE"], self._manifest.temperature), answer["NO_SPEECH"][:, 0])

    def hears_nobody(self, no_speech_probability: float) -> bool:
        limit = self._manifest.guards.no_speech_probability
        return limit is not None and no_speech_probability > limit

    def says_nothing(self, language_probability: float) -> bool:
        """Whether the likeliest language is too unlikely for any words in it."""
        limit = self._manifest.guards.language_probability
        return limit is not None and language_probability <= limit


def calibrated(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """A temperature above 1 makes a model that is too sure of itself less so; the order stays."""
    missing = 1 - probabilities.sum(axis=1, keepdims=True)
    every = np.concatenate([np.maximum(probabilities, 1e-12), np.where(missing > _ROUNDING, missing, 0)], axis=1)
    powers = np.power(every, 1.0 / temperature)
    return np.asarray((powers / powers.sum(axis=1, keepdims=True))[:, :-1], np.float32)
