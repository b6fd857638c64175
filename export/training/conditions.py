"""The sounds that the bundled model is judged on: the test shards as they are, and what clients make of speech."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.training.alphabet import LANGUAGES
from export.training.augmentation import at_snr, room, telephone
from export.training.engines import RATE, Samples
from export.training.noises import KINDS, noise
from export.training.shards import Recording

LONGEST_SECONDS = 30


@dataclass(frozen=True)
class Clip:
    """A sound and what is said in it; nothing where there is no speech."""

    sound: Samples
    language: str
    text: str
    english: str


def clip(recording: Recording) -> Clip:
    """A recording with a little silence around it, as a client's cut leaves it."""
    sound = np.pad(recording.samples(), (RATE // 10, RATE // 5))
    return Clip(sound, recording.language, recording.text, recording.english)


def plain(recordings: list[Recording]) -> list[Clip]:
    return [clip(recording) for recording in recordings]


def noisy(recordings: list[Recording]) -> list[Clip]:
    """White, pink and brown noise in turn, 15 dB below the speech."""
    rng = random.Random("noisy")
    return [
        _changed(clip, at_snr(clip.sound, noise(len(clip.sound), rng, slope), 15))
        for clip, slope in zip(plain(recordings), (0.0, 0.5, 1.0) * len(recordings), strict=False)
    ]


def telephoned(recordings: list[Recording]) -> list[Clip]:
    return [_changed(clip, telephone(clip.sound)) for clip in plain(recordings)]


def reverberant(recordings: list[Recording]) -> list[Clip]:
    rng = random.Random("reverberant")
    return [_changed(clip, room(clip.sound, rng)) for clip in plain(recordings)]


def padded_to_30_seconds(recordings: list[Recording]) -> list[Clip]:
    """The first utterances, each at the beginning of half a minute of digital silence."""
    return [
        _changed(clip, np.pad(clip.sound, (0, LONGEST_SECONDS * RATE - len(clip.sound))))
        for clip in plain(recordings[:48])
    ]


def joined(recordings: list[Recording]) -> list[Clip]:
    """Utterances of one language, half a second between them, for as long as 30 s hold them."""
    return [_joined(group) for group in _groups(recordings, LONGEST_SECONDS)][:24]


def three_seconds(recordings: list[Recording]) -> list[Clip]:
    """The first 3 s of joined utterances; only their language counts."""
    clips = [_joined(group) for group in _groups(recordings, 6)]
    return [Clip(clip.sound[: 3 * RATE], clip.language, "", "") for clip in clips if len(clip.sound) >= 3 * RATE]


def without_speech() -> list[Clip]:
    """A hundred clips of every kind of noise, from a tenth of a second to 30 s."""
    rng = random.Random("without speech")
    sounds = []
    for place in range(100):
        count = round(rng.choice([0.1, 1, 3, 5, 10, 30]) * RATE)
        kind = list(KINDS.values())[place % len(KINDS)]
        sounds.append(np.asarray(kind(count, rng) * 10 ** rng.uniform(-1.5, 0.3), np.float32).clip(-1, 1))
    return [Clip(sound, LANGUAGES[place % len(LANGUAGES)], "", "") for place, sound in enumerate(sounds)]


def _changed(clip: Clip, sound: Samples) -> Clip:
    return Clip(sound, clip.language, clip.text, clip.english)


def _groups(recordings: list[Recording], seconds: float) -> Iterator[list[Recording]]:
    """Recordings of one language that together are no longer than that."""
    for language in LANGUAGES:
        group: list[Recording] = []
        for recording in (recording for recording in recordings if recording.language == language):
            length = sum(one.length + RATE // 2 for one in (*group, recording))
            if group and length > seconds * RATE:
                yield group
                group = []
            group.append(recording)


def _joined(group: list[Recording]) -> Clip:
    sound = np.concatenate([np.pad(recording.samples(), (RATE // 8, 3 * RATE // 8)) for recording in group])
    text, english = (" ".join(getattr(one, field) for one in group) for field in ("text", "english"))
    return Clip(sound[: LONGEST_SECONDS * RATE], group[0].language, text, english)
