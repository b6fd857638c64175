"""What synthesizers say to train on: sentences, parts of them, phrases of the recogniser's grammar, and numbers."""

import argparse
import itertools
import json
import multiprocessing
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.training import alphabet, texts, voices
from export.training.engines import RATE, Speaker, Utterance, engine
from export.training.numerals import cardinal
from export.training.synthesis import trimmed
from export.training.tongues.letters import LANGUAGES, normalise

_DIALECTS = {"es": ("es", "es-419"), "fr": ("fr", "fr-be", "fr-ch")}
_PICO = {"de": "de-DE", "es": "es-ES", "fr": "fr-FR", "it": "it-IT"}
_PICO_SHARE = 0.4
_PART_SHARE, _GRAMMAR_SHARE, _NUMBER_SHARE = 0.25, 0.12, 0.08
_RUSSIAN_NUMBERS = (
    "ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять", "десять", "одиннадцать",
    "двенадцать", "тринадцать", "четырнадцать", "пятнадцать", "шестнадцать", "семнадцать", "восемнадцать",
    "девятнадцать", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят",
    "девяносто", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот",
    "тысяча",
)  # fmt: skip
_LONGEST_SAMPLES = 12 * RATE
_SHARD = 150  # utterances in a file
SENTENCES, SHARDS = Path("var/tongues/sentences.json"), Path("var/tongues/shards")
Sound = NDArray[np.int16]


@dataclass(frozen=True)
class Spoken:
    language: str
    text: str  # as it is written: normalised
    sound: Sound


def said(sentences: Mapping[str, Sequence[str]], rng: random.Random) -> Iterator[Spoken]:
    """Without an end; the same for the same chances, but for what espeak-ng keeps from one sentence to the next."""
    while True:
        language = rng.choice(LANGUAGES)
        text = _text(sentences[language], language, rng)
        name = "pico" if language in _PICO and rng.random() < _PICO_SHARE else "espeak"
        voice = _PICO[language] if name == "pico" else _espeak(language, rng)
        utterance = Utterance(text, voice, rng.uniform(0.75, 1.3), rng.uniform(0.4, 1.6), rng.random())
        (spoken,) = _engine(name)([utterance])
        whole = None if spoken is None else trimmed(spoken)
        if whole is not None and RATE // 5 < len(whole) <= _LONGEST_SAMPLES:
            yield Spoken(language, normalise(text), (whole.clip(-1, 1) * 32767).astype(np.int16))


def _text(sentences: Sequence[str], language: str, rng: random.Random) -> str:
    drawn = rng.random()
    if drawn < _NUMBER_SHARE:
        return " ".join(_number(language, rng) for _ in range(rng.randint(1, 6)))
    if drawn < _NUMBER_SHARE + _GRAMMAR_SHARE and language in alphabet.LANGUAGES:
        return texts.sample(rng, False, language, texts.draw).renderings[language]
    sentence = rng.choice(sentences)
    if rng.random() < _PART_SHARE:
        words = sentence.split()
        start = rng.randrange(len(words))
        return " ".join(words[start : start + rng.randint(1, 4)])
    return sentence


def _number(language: str, rng: random.Random) -> str:
    if language == "ru":
        return rng.choice(_RUSSIAN_NUMBERS)
    return cardinal(rng.choice((rng.randrange(10), rng.randrange(100), rng.randrange(1000))), language)


def _espeak(language: str, rng: random.Random) -> str:
    return f"{rng.choice(_DIALECTS.get(language, (language,)))}+{rng.choice(voices.ESPEAK_VARIANTS.split())}"


@cache
def _engine(name: str) -> Speaker:
    return engine(name)


def speak(task: tuple[Path, Path, str, float]) -> None:
    """In a process of its own: file after file, so many seconds in all."""
    source, folder, seed, seconds = task
    spoken = said(json.loads(source.read_text(encoding="utf-8")), random.Random(seed))
    number, left = 0, seconds * RATE
    while left > 0:
        every = list(itertools.islice(spoken, _SHARD))
        write(folder / f"{seed}-{number}.npz", every)
        number, left = number + 1, left - sum(len(each.sound) for each in every)


def write(path: Path, every: Sequence[Spoken]) -> None:
    """Complete or not there."""
    facts = json.dumps([[each.language, each.text, len(each.sound)] for each in every], ensure_ascii=False)
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, sound=np.concatenate([each.sound for each in every]), facts=np.array(facts))
    unfinished.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.training.tongues.speaking", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--sentences", type=Path, default=SENTENCES)
    parser.add_argument("--shards", type=Path, default=SHARDS)
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--hours", type=float, default=100.0)
    options = parser.parse_args()
    options.shards.mkdir(parents=True, exist_ok=True)
    seconds = options.hours * 3600 / options.processes
    tasks = [(options.sentences, options.shards, f"speaker-{number}", seconds) for number in range(options.processes)]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        pool.map(speak, tasks, chunksize=1)


if __name__ == "__main__":
    main()
