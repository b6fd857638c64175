"""Takes of people, from recordings that package registries hold: some to fit on, others never heard to judge with."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from export.calibration.listening import RATE, Listener, Samples
from export.calibration.pairs import Take
from export.people.recordings import Recording
from export.people.sound import read
from export.training.augmentation import at_snr, room, telephone
from export.training.noises import noise

AMOUNTS_SECONDS = (0.6, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0)
DISTURBANCE = "white noise 20 dB below, a telephone's band, or a room"
_ROUNDS = 4  # of all amounts, as far as a speaker's recordings reach
_ENOUGH_SECONDS = _ROUNDS * sum(AMOUNTS_SECONDS)
_LEAST_SECONDS = 8.0
_NOISE_BELOW_DB = 20
# Voices that were made higher or shout; single words by nobody knows how many volunteers.
_LEFT_OUT = ("hedgewars-data", "ktuberling-data", "klettres-data")
_CASTS = {
    # A fish and a bigger one: the others of that cast are played by whoever was there.
    "fillets-ng-data-": re.compile(r"\w+?-(m|v)-"),
    # Of the vampire's cast the letters before the number are the role; some roles have more than one voice.
    "drascula": re.compile(r"(E|I|L|P|T|)\d+"),
}
_ONE_PERSON = {"allison en": "allison", "allison es": "allison"}


@dataclass(frozen=True)
class Voice:
    """Who speaks; two of one cast may be the same person."""

    name: str
    cast: str = ""


def voices(recordings: Iterable[Recording], split: str) -> dict[Voice, list[Path]]:
    """Those of a split that are known to be of one person, with their recordings."""
    found: dict[Voice, list[Path]] = {}
    for recording in recordings:
        voice = _voice(recording) if recording.split == split else None
        if voice is not None:
            found.setdefault(voice, []).append(recording.path)
    return found


def takes(listener: Listener, of: dict[Voice, list[Path]]) -> tuple[list[Take], list[Take]]:
    """Disjoint stretches of each voice's speech, and the same ones disturbed."""
    plain: list[Take] = []
    disturbed: list[Take] = []
    for voice, paths in tqdm(of.items(), desc="listening to people", unit="voice", disable=None, leave=False):
        for speech in _stretches(_spoken(listener, paths)):
            seconds, name = round(len(speech) / RATE, 3), f"{voice.name} {len(plain)}"
            plain.append(Take(voice.name, name, seconds, listener.embed(speech), voice.cast))
            changed = _disturbed(speech, len(plain))
            disturbed.append(Take(voice.name, name, seconds, listener.embed(changed), voice.cast))
    return plain, disturbed


def _voice(recording: Recording) -> Voice | None:
    if recording.source in _LEFT_OUT or recording.isolated:
        return None
    name = _ONE_PERSON.get(recording.speaker, recording.speaker)
    if recording.several:
        pattern = next((each for source, each in _CASTS.items() if recording.source.startswith(source)), None)
        role = pattern.match(recording.path.name) if pattern else None
        cast = "drascula" if recording.source.startswith("drascula") else ""
        return Voice(f"{name} {role[1] or 'hacker'}", cast) if role else None
    return Voice(name)


def _spoken(listener: Listener, paths: Sequence[Path]) -> Samples:
    """The speech in some of the recordings, until there is enough."""
    order = sorted(paths)
    random.Random(len(order)).shuffle(order)
    parts: list[Samples] = [np.zeros(0, np.int16)]
    for path in order:
        samples = np.asarray(np.clip(read(path) * 32767, -32768, 32767), np.int16)
        if len(samples):
            parts.append(samples[listener.speech(samples)])
        if sum(map(len, parts)) > _ENOUGH_SECONDS * RATE:
            break
    return np.concatenate(parts)


def _stretches(speech: Samples) -> Iterable[Samples]:
    """All amounts, round by round, from the longest and from the shortest in turn; none of too little."""
    if len(speech) < _LEAST_SECONDS * RATE:
        return
    at = 0
    for turn in range(_ROUNDS):
        for seconds in AMOUNTS_SECONDS[:: -1 if turn % 2 == 0 else 1]:
            count = round(seconds * RATE)
            if at + count <= len(speech):
                yield speech[at : at + count]
                at += count


def _disturbed(speech: Samples, number: int) -> Samples:
    rng = random.Random(number)
    heard = speech.astype(np.float32) / 32768
    ways = (
        lambda: at_snr(heard, noise(len(heard), rng, 0.0), _NOISE_BELOW_DB),
        lambda: telephone(heard),
        lambda: room(heard, rng),
    )
    changed = ways[number % len(ways)]()
    return np.asarray(np.clip(changed * 32767, -32768, 32767), np.int16)
