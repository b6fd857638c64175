"""People's recordings from package registries as truths: what is said, in which language, when, and that nobody speaks.

What lies in no file of its own is joined of recordings and written beside the cache, once.
"""

import importlib.metadata
import random
import wave
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.evaluation.truth import Truth
from export.failure import ExportError
from export.people import silences
from export.people.collection import recordings
from export.people.recordings import Recording
from export.people.sound import RATE, read
from export.training.conditions import without_speech

# Charles Dickens, 1859, as the recogniser's wheel has it read.
TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
    "foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was "
    "the season of darkness, it was the spring of hope, it was the winter of despair, we had everything before "
    "us, we had nothing before us, we were all going direct to heaven, we were all going direct the other way; in "
    "short, the period was so far like the present period that some of its noisiest authorities insisted on its "
    "being received, for good or for evil, in the superlative degree of comparison only."
)
KNOWN_LANGUAGES = frozenset({"en", "de", "es", "fr", "it", "bg", "ru"})
READ, SPOKEN_NUMBERS, NO_SPEECH = "sentences read", "numbers in a row", "nobody speaks"
_WHEEL, _WHEEL_READING = "moonshine-voice", "moonshine_voice/assets/two_cities.wav"
_PROMPTED = {"allison en": "en", "allison es": "es", "june": "fr", "carlo": "it", "ivrvoice": "ru"}
_LEAST_WORDS = 4
_MOST_PROMPTS = 60  # a language
_NUMBERS_IN_A_ROW = 6
_LANGUAGE_SECONDS = (3.0, 6.0)
_MOST_JOINED = 60  # a speaker and length, so that none speaks for all
_GAP_SECONDS = 0.3
_QUIET_DB = -40
_LONGEST_SOUND_SECONDS = 30
Samples = NDArray[np.float32]


def installed(folder: Path) -> list[Truth]:
    """What needs no fetching: a reading in the recogniser's wheel, and noises."""
    try:
        found = importlib.metadata.distribution(_WHEEL).locate_file(_WHEEL_READING)
    except importlib.metadata.PackageNotFoundError as error:
        raise ExportError(f"{_WHEEL} is not installed: `make run` installs it") from error
    return [Truth(Path(str(found)), READ, TWO_CITIES, "en"), *_noises(folder)]


def truths(cache: Path, folder: Path, most: int | None = None) -> list[Truth]:
    """All splits; of each at most so many, spread over all of it."""
    known = recordings(cache)
    splits = (
        _read(known),
        *(_prompts(known, speaker) for speaker in _PROMPTED),
        list(_numbers(known, folder)),
        *(list(_languages(known, seconds, folder)) for seconds in _LANGUAGE_SECONDS),
        list(_silent(cache, folder)),
    )
    return [truth for split in splits for truth in _spread(split, most)]


def _spread(split: Sequence[Truth], most: int | None) -> Sequence[Truth]:
    return split if most is None or len(split) <= most else split[:: -(-len(split) // most)]


def _read(known: Iterable[Recording]) -> list[Truth]:
    """People who read aloud: no model here heard them."""
    found = []
    for each in known:
        text = TWO_CITIES if each.speaker == "moonshine two_cities" else each.text
        if text and each.source in ("pocketsphinx-testdata", "moonshine-voice") and each.path.suffix == ".wav":
            found.append(Truth(each.path, READ, text, each.language, speaker=each.speaker))
    return found


def _prompts(known: Iterable[Recording], speaker: str) -> list[Truth]:
    """What a telephone exchange says, whole sentences; its rate is 8 kHz."""
    language = _PROMPTED[speaker]
    said = [
        Truth(each.path, f"telephone prompts, {language}", each.text, language, speaker=speaker)
        for each in known
        if each.speaker == speaker and each.text and len(each.text.split()) >= _LEAST_WORDS and not each.isolated
    ]
    return list(_spread(said, _MOST_PROMPTS))


def _numbers(known: Iterable[Recording], folder: Path) -> Iterator[Truth]:
    """Words whose times are known, because they were put there."""
    spoken = [
        each
        for each in known
        if each.speaker == "allison en" and each.path.parent.name == "digits" and each.text and each.text.isalpha()
    ]
    random.Random("numbers").shuffle(spoken)
    for start in range(0, len(spoken) - _NUMBERS_IN_A_ROW + 1, _NUMBERS_IN_A_ROW):
        row = spoken[start : start + _NUMBERS_IN_A_ROW]
        sounds = [trimmed(read(each.path)) for each in row]
        words, at = [], _GAP_SECONDS
        for each, sound in zip(row, sounds, strict=True):
            words.append((str(each.text), at, at + len(sound) / RATE))
            at += len(sound) / RATE + _GAP_SECONDS
        path = write(folder / f"numbers-{start}.wav", joined(sounds))
        text = " ".join(word for word, _, _ in words)
        yield Truth(path, SPOKEN_NUMBERS, text, "en", words=tuple(words), speaker="allison en")


def _languages(known: Iterable[Recording], seconds: float, folder: Path) -> Iterator[Truth]:
    """Recordings of one speaker whom no head of ours heard, joined until they are long enough."""
    by_speaker: dict[tuple[str, str], list[Recording]] = {}
    for each in known:
        if each.split == "test" and not each.isolated and each.source != "hedgewars-data":
            by_speaker.setdefault((each.language, each.speaker), []).append(each)
    for (language, speaker), spoken in sorted(
        by_speaker.items(), key=lambda item: (item[0][0] not in KNOWN_LANGUAGES, item[0])
    ):
        for number, sound in enumerate(_stretches(spoken, seconds)):
            path = write(folder / f"language-{seconds:g}-{speaker.replace(' ', '-')}-{number}.wav", sound)
            split = "language" if language in KNOWN_LANGUAGES else "a language of no model here"
            yield Truth(path, f"{split}, {seconds:g} s and more", None, language, speaker=speaker)


def _stretches(spoken: Sequence[Recording], seconds: float) -> Iterator[Samples]:
    order = list(spoken)
    random.Random(len(order)).shuffle(order)
    parts: list[Samples] = []
    made = 0
    for each in order:
        parts.append(trimmed(read(each.path))[: _LONGEST_SOUND_SECONDS * RATE])
        if sum(map(len, parts)) >= seconds * RATE:
            yield joined(parts)
            parts, made = [], made + 1
        if made == _MOST_JOINED:
            return


def _noises(folder: Path) -> Iterator[Truth]:
    for number, clip in enumerate(without_speech()):
        yield Truth(write(folder / f"noise-{number}.wav", clip.sound), f"{NO_SPEECH}: noises and tones", "")


def _silent(cache: Path, folder: Path) -> Iterator[Truth]:
    yield from _noises(folder)
    for number, sound in enumerate(each for each in silences.sounds(cache) if each.split == "test"):
        samples = read(sound.path)[: _LONGEST_SOUND_SECONDS * RATE]
        if len(samples):
            yield Truth(write(folder / f"sound-{number}.wav", samples), f"{NO_SPEECH}: effects and music", "")


def trimmed(samples: Samples) -> Samples:
    """From the first to the last sound that is not far below the loudest."""
    frame = RATE // 100
    levels = np.sqrt(np.convolve(samples**2, np.ones(frame) / frame, "same"))
    loud = np.flatnonzero(levels > levels.max(initial=0) * 10 ** (_QUIET_DB / 20))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def joined(parts: Sequence[Samples]) -> Samples:
    """With a gap before, between and behind."""
    gap = np.zeros(round(_GAP_SECONDS * RATE), np.float32)
    return np.concatenate([gap, *(piece for part in parts for piece in (part, gap))])


def write(path: Path, samples: Samples) -> Path:
    """As a WAV, unless it is there: what goes in is pinned, so it would be the same."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        with wave.open(str(unfinished), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.asarray(np.clip(samples, -1, 1) * 32767, "<i2").tobytes())
        unfinished.rename(path)
    return path
