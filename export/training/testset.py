"""The bundled recogniser's test set as wav files and the manifest that `make evaluate` reads.

    python -m export.training.testset            # in the environment of export/requirements.txt

The sounds are those of `python -m export.training.evaluation`. What espeak-ng says carries the times of its words.
"""

import argparse
import functools
import json
import multiprocessing
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soxr
import tqdm

from export.training import conditions
from export.training.conditions import Clip
from export.training.engines import RATE, Samples, Utterance
from export.training.shards import Recording, recordings
from export.training.synthesis import SHARDS, trimmed, write
from export.training.word_times import TimedEspeak, TimedWord, trimmed_by_seconds

FOLDER = Path("var/asr/testset")
_SEED = 1


@dataclass(frozen=True)
class Split:
    """A shard, how many utterances it has, and what becomes of them."""

    shard: str
    count: int
    change: Callable[[list[Recording]], list[Clip]] = conditions.plain
    texts_count: bool = True


SPLITS = {
    "texts": Split("texts", 360),
    "voices": Split("voices", 360),
    "others": Split("others", 250),
    "flite": Split("flite", 150),
    "festival": Split("festival", 120),
    "hibari": Split("hibari", 120),
    "noisy": Split("voices", 360, conditions.noisy),
    "telephone": Split("voices", 360, conditions.telephoned),
    "room": Split("voices", 360, conditions.reverberant),
    "joined": Split("voices", 360, conditions.joined),
    "three_seconds": Split("voices", 360, conditions.three_seconds, texts_count=False),
    "without_speech": Split("", 0, lambda _: conditions.without_speech()),
}
# Nothing but espeak-ng's speech, each clip one utterance with nothing before it but what `conditions.clip` puts there.
_TIMED = ("texts", "voices", "noisy", "telephone")
_SILENCE_BEFORE_SECONDS = 0.1
T = TypeVar("T")


def word_times(shard: str, folder: Path = SHARDS) -> list[list[TimedWord]]:
    """Of each utterance of a shard of espeak-ng's; empty where it says two words as one.

    The library goes on from what it said before: only a new process that says all of them in their order says them as
    they are in the shard.
    """
    espeak = TimedEspeak()
    sounds, lines = np.load(folder / f"{shard}.npy", mmap_mode="r"), (folder / f"{shard}.jsonl").read_text("utf-8")
    times: list[list[TimedWord]] = []
    for item in map(json.loads, lines.splitlines()):
        sound, words = espeak.say(Utterance(**item["utterance"]))
        if sound is None:
            raise ValueError(f"{shard} was not made by this espeak-ng: remove it, it is then made anew")
        sound = soxr.resample(sound, RATE * item["stretch"], RATE)
        kept = trimmed(sound)
        wanted = sounds[item["offset"] : item["offset"] + item["length"]]
        if kept is None or len(kept) != len(wanted):
            raise ValueError(f"{shard} was not made by this espeak-ng: remove it, it is then made anew")
        before = trimmed_by_seconds(sound, kept)
        complete = [word for word, _, _ in words] == item["text"].split()
        times.append(
            [
                (
                    word,
                    max(0.0, start / item["stretch"] - before),
                    min(end / item["stretch"] - before, len(kept) / RATE),
                )
                for word, start, end in words
            ]
            if complete
            else []
        )
    return times


@functools.cache
def _times_of_new_process(shard: str) -> list[list[TimedWord]]:
    return _in_new_process(word_times, shard)


def _in_new_process(say: Callable[..., T], *arguments: object) -> T:
    """Where no library has said anything before: a shard is the same whatever was made before it."""
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(say, arguments)


def entries(name: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A split's lines of the manifest, its sounds written on the way."""
    split = SPLITS[name]
    shard = f"{split.shard}-{_SEED:02}"
    spoken = recordings(SHARDS, shard) if split.shard else []
    times = _times_of_new_process(shard) if name in _TIMED else []
    for place, clip in enumerate(split.change(spoken)):
        path = folder / name / f"{place:03}.wav"
        _write(path, clip.sound)
        line: dict[str, Any] = {"audio": str(path.relative_to(folder)), "split": name}
        if split.shard:
            line["language"] = clip.language
        if split.texts_count:
            line["text"] = clip.text
        if clip.english and clip.language != "en":
            line["english"] = clip.english
        if times and times[place]:
            line["words"] = [
                (word, round(start + _SILENCE_BEFORE_SECONDS, 3), round(end + _SILENCE_BEFORE_SECONDS, 3))
                for word, start, end in times[place]
            ]
        yield line


def _write(path: Path, sound: Samples) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export.training.testset", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    for split in tqdm.tqdm({split.shard: split for split in SPLITS.values() if split.shard}.values(), unit="shard"):
        if not (SHARDS / f"{split.shard}-{_SEED:02}.npy").exists():
            _in_new_process(write, split.shard, split.count, _SEED)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(line, ensure_ascii=False)
        for name in tqdm.tqdm(SPLITS, unit="split")
        for line in entries(name, folder)
    ]
    unfinished = folder / "manifest.unfinished"
    unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")
    unfinished.replace(folder / "manifest.jsonl")
    print(f"{len(lines)} recordings in {folder}")


if __name__ == "__main__":
    main()
