"""Sentences that the bundled recogniser can know, one after another, with where each of them lies."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.training.synthesis import KINDS, plan, spoken
from frontend.speech import RATE, Samples

_PAUSES_SECONDS = (0.6, 0.9, 1.6)
_MORE = 3  # some of what is planned comes out too long, or in another language


@dataclass(frozen=True)
class Said:
    """What one sentence says, and when it sounds."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Speech:
    samples: Samples
    said: Sequence[Said]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.said)


def speech(seed: int, count: int, language: str = "en", pauses_seconds: Sequence[float] = _PAUSES_SECONDS) -> Speech:
    """So many sentences that no training has seen, in voices that none has heard; the same seed says the same."""
    random_numbers = random.Random(f"live-{seed}")
    items = [item for item in plan(KINDS["voices"], 6 * count * _MORE, random_numbers) if item.language == language]
    parts, said, at = [np.zeros(RATE, np.int16)], list[Said](), 1.0
    for item, sound in spoken(items[: count * 2]):
        if len(said) == count:
            break
        pause = np.zeros(round(random_numbers.choice(pauses_seconds) * RATE), np.int16)
        said.append(Said(item.text, at, at + len(sound) / RATE))
        parts += [sound, pause]
        at += (len(sound) + len(pause)) / RATE
    return Speech(np.concatenate([*parts, np.zeros(RATE // 2, np.int16)]), said)
