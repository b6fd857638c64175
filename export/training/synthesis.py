"""Speech to train and to test on: the grammar's sentences, spoken by the synthesizers, in shards.

A shard is NAME.npy (int16, 16 kHz, all utterances one after another, without the silence around them) and NAME.jsonl
(a line an utterance: what was said, by whom, and where it lies). The same command writes the same shard.

    python -m export.training.synthesis --kind train --seed 1 --count 6000
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from export.training import voices
from export.training.engines import RATE, Samples, Speaker, Utterance, engine
from export.training.texts import Sentence, draw, jumble, sample

SHARDS = Path("var/asr/shards")
LONGEST_SECONDS = 5.5
_PEAK = 0.9


@dataclass(frozen=True)
class Kind:
    """A sort of shard: which side of the text split, and whose voices."""

    unseen_texts: bool
    group: str  # one of voices.GROUPS
    whole_phrases: bool = False
    jumbled: bool = False


KINDS = {
    "train": Kind(unseen_texts=False, group="trained"),
    "jumbles": Kind(unseen_texts=False, group="trained", jumbled=True),
    "dev": Kind(unseen_texts=True, group="unseen"),
    "texts": Kind(unseen_texts=True, group="espeak"),
    "others": Kind(unseen_texts=True, group="others"),
    "voices": Kind(unseen_texts=True, group="unseen"),
    "flite": Kind(unseen_texts=True, group="flite"),
    "festival": Kind(unseen_texts=True, group="festival"),
    "hibari": Kind(unseen_texts=True, group="hibari"),
    "whole": Kind(unseen_texts=False, group="unseen", whole_phrases=True),
}


@dataclass(frozen=True)
class Item:
    """One utterance to be spoken."""

    language: str
    text: str
    english: str
    engine: str
    utterance: Utterance
    stretch: float  # resampling: moves the pitch and the vocal tract together


def _sentence(kind: Kind, language: str, rng: random.Random) -> Sentence:
    while True:
        sentence = sample(rng, kind.unseen_texts, language, jumble if kind.jumbled else draw)
        if sentence.whole or not kind.whole_phrases:
            return sentence


def plan(kind: Kind, count: int, rng: random.Random) -> Iterator[Item]:
    """What to say, decided before anything is spoken."""
    training = kind.group == "trained"
    languages = voices.languages(kind.group)
    for place in range(count):
        language = languages[place % len(languages)]
        sentence = _sentence(kind, language, rng)
        voice = voices.draw(kind.group, language, rng)
        # Voices that stand alone for their synthesizer are moved farther, so that the model hears more than one.
        reach = 0.07 if voice.engine == "espeak" or not training else 0.18
        stretch = rng.uniform(1 - reach, 1 + reach)
        pace = rng.uniform(0.85, 1.25) / (stretch if training else 1.0)
        text = sentence.renderings[language]
        utterance = Utterance(text, voice.name, pace, rng.uniform(0.5, 1.5), rng.random())
        yield Item(language, text, sentence.renderings["en"], voice.engine, utterance, stretch)


def trimmed(samples: Samples, level: float = 0.01) -> Samples | None:
    """The sound at full level, 10 ms from its first to its last audible sample; nothing if there is hardly any."""
    loud = np.flatnonzero(np.abs(samples) > level * np.abs(samples).max(initial=1e-9))
    if len(loud) < RATE // 10:
        return None
    sound = samples[max(0, loud[0] - RATE // 100) : loud[-1] + RATE // 100]
    return np.asarray(sound / np.abs(sound).max() * _PEAK, np.float32)


def spoken(items: list[Item]) -> Iterator[tuple[Item, npt.NDArray[np.int16]]]:
    """The items whose speech came out well, with it."""
    results: dict[int, Samples | None] = {}
    for name in sorted({item.engine for item in items}):
        speaker: Speaker = engine(name)
        places = [place for place, item in enumerate(items) if item.engine == name]
        results.update(zip(places, speaker([items[place].utterance for place in places]), strict=True))
    for place, item in enumerate(items):
        sound = results.pop(place)
        if sound is None:
            continue
        sound = trimmed(soxr.resample(sound, RATE * item.stretch, RATE))
        if sound is not None and len(sound) <= LONGEST_SECONDS * RATE:
            yield item, (sound * 32767).astype(np.int16)


def write(name: str, count: int, seed: int, folder: Path = SHARDS) -> float:
    """Write a shard, whole or not at all; returns its hours. One shard a process, see Espeak."""
    rng = random.Random(f"{name}-{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{seed:02}.npy"
    sounds, lines, offset = [], [], 0
    for item, sound in spoken(list(plan(KINDS[name], count, rng))):
        place = {"offset": offset, "length": len(sound)}
        lines.append(json.dumps({**asdict(item), **place}, ensure_ascii=False))
        sounds.append(sound)
        offset += len(sound)
    target.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.save(file, np.concatenate(sounds))
    unfinished.replace(target)
    return offset / RATE / 3600


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export.training.synthesis", description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--count", type=int, default=6000, help="utterances to ask for; a few come out unusable")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=SHARDS)
    arguments = parser.parse_args()
    hours = write(arguments.kind, arguments.count, arguments.seed, arguments.folder)
    print(f"{arguments.kind}-{arguments.seed:02}: {hours:.2f} h")


if __name__ == "__main__":
    main()
