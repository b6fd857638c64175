"""Sounds without speech: made, and recorded ones of instruments, animals, machines, music and crowds."""

from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np

from export.people.silences import Sound, sounds
from export.people.sound import RATE, Samples, read
from export.training import noises
from export.training.augmentation import faster
from export.training.heads.clip import NOBODY, Clip

_MADE = {"train": 500, "test": 60}
_RECORDED = {"train": 900, "test": 175}
_SECONDS = (0.2, 0.5, 1, 2, 3, 4, 6, 8)
_PEAK = 0.7


def clips() -> Iterator[Clip]:
    for use in ("train", "test"):
        yield from (Clip(use, "made", NOBODY, "noises", number) for number in range(_MADE[use]))
        yield from (Clip(use, "sound", NOBODY, "sounds", number) for number in range(_RECORDED[use]))


def sound(clip: Clip) -> Samples | None:
    rng = clip.rng()
    seconds = rng.choice((*_SECONDS, 30)) if clip.use == "test" else rng.choice(_SECONDS) * rng.uniform(0.8, 1.2)
    if clip.kind == "made":
        kind = list(noises.KINDS.values())[clip.number % len(noises.KINDS)]
        made = kind(round(seconds * RATE), rng) * 10 ** rng.uniform(-1.5, 0.3)
        return np.asarray(made, np.float32).clip(-1, 1)
    return recorded(clip)


def recorded(clip: Clip) -> Samples | None:
    """A recorded sound, cut where it is long: in its order to be judged on, anywhere and at any pace to train on."""
    rng, all_of = clip.rng(), _sounds(clip.use)
    whole = _heard(all_of[clip.number % len(all_of)])
    if whole is None:
        return None
    longest = round(rng.choice(_SECONDS[3:]) * RATE)
    if clip.use == "test":
        return whole[:longest]
    start = rng.randrange(max(1, len(whole) - longest))
    cut = whole[start : start + longest]
    return faster(cut, rng.uniform(0.7, 1.4)) if rng.random() < 0.5 else cut


@cache
def _sounds(use: str) -> list[Sound]:
    return [each for each in sounds() if each.split == use]


@lru_cache(maxsize=200)
def _heard(which: Sound) -> Samples | None:
    samples = read(which.path)[: 30 * RATE]
    peak = np.abs(samples).max(initial=0)
    return None if peak < 0.005 or len(samples) < RATE // 10 else np.asarray(samples / peak * _PEAK, np.float32)
