"""Gathers what training needs into a folder small enough to take to a machine with a GPU.

python -m export.training.tongues.gathering

writes sentences.json (what synthesizers will say), people.json with a Vorbis file a speaker (what people said, and
the two Italian voices of festival), and encoder.npz (Moonshine's encoder out of its authors' wheel).
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from export.people.collection import recordings
from export.people.fetching import unpacked
from export.people.recordings import TEST_SPEAKERS, Recording
from export.people.sound import RATE, read
from export.sources.moonshine_wheel import MoonshineWheel
from export.training.engines import Samples, Utterance, engine
from export.training.synthesis import trimmed
from export.training.tongues import sentences
from export.training.tongues.letters import LANGUAGES, normalise, worded
from export.training.tongues.network import encoder_only
from export.training.tongues.speaking import Sound, Spoken

FOLDER = Path("var/tongues")
_WHEEL = "moonshine_voice/assets/tiny-en"
_MOST_SECONDS = 1600  # of a speaker
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.25, 15
_FESTIVAL = ("lp_diphone", "pc_diphone")
_FESTIVAL_SENTENCES = 150
_TELEPHONE_RATE = 8000
EXCHANGES = frozenset({"allison es", "june", "carlo", "ivrvoice"})


def people() -> dict[str, list[Spoken]]:
    """By speaker: those with texts that can be written, of the languages that are learnt."""
    found: dict[str, list[Spoken]] = {}
    for each in recordings():
        if each.language in LANGUAGES and each.text and each.speaker not in TEST_SPEAKERS:
            spoken = heard(each)
            mine = found.setdefault(each.speaker, [])
            if spoken is not None and sum(len(one.sound) for one in mine) < _MOST_SECONDS * RATE:
                mine.append(spoken)
    return found


def heard(recording: Recording) -> Spoken | None:
    """None where its words cannot be told by the letters that are learnt, or it is too long to learn at once."""
    written = worded(recording.text or "", recording.language)
    samples = trimmed(read(recording.path))
    if written is None or samples is None or not _SHORTEST_SECONDS * RATE <= len(samples) <= _LONGEST_SECONDS * RATE:
        return None
    text = normalise(written)
    return Spoken(recording.language, text, (samples * 32767).astype(np.int16)) if text else None


def festival(italian: Sequence[str]) -> Iterator[tuple[str, list[Spoken]]]:
    speak = engine("festival")
    for voice in _FESTIVAL:
        rng = random.Random(voice)
        chosen = [sentence.replace('"', "") for sentence in rng.sample(list(italian), _FESTIVAL_SENTENCES)]
        made = speak([Utterance(each, voice) for each in chosen])
        kept = [(text, sound) for text, each in zip(chosen, made, strict=True) if (sound := _whole(each)) is not None]
        yield f"festival {voice}", [Spoken("it", normalise(text), sound) for text, sound in kept]


def _whole(sound: Samples | None) -> Sound | None:
    kept = None if sound is None else trimmed(sound)
    return None if kept is None else (kept * 32767).astype(np.int16)


def pack(folder: Path, speakers: dict[str, list[Spoken]]) -> None:
    every = []
    for speaker, spoken in speakers.items():
        name = f"{speaker.replace(' ', '-')}.ogg"
        together = np.concatenate([each.sound for each in spoken])
        rate = _TELEPHONE_RATE if speaker in EXCHANGES else RATE
        written = soxr.resample(together, RATE, rate) if rate != RATE else together
        with soundfile.SoundFile(
            folder / name, "w", rate, 1, format="OGG", subtype="VORBIS", compression_level=1
        ) as file:
            for start in range(0, len(written), RATE):  # libsndfile's encoder wants no more at once
                file.write(written[start : start + RATE])
        pieces = [[each.text, len(each.sound)] for each in spoken]
        every.append({"speaker": speaker, "language": spoken[0].language, "file": name, "pieces": pieces})
    (folder / "people.json").write_text(json.dumps(every, ensure_ascii=False), encoding="utf-8")


def unpack(folder: Path, left_out: frozenset[str]) -> Iterator[tuple[str, list[Spoken]]]:
    for each in json.loads((folder / "people.json").read_text(encoding="utf-8")):
        if each["speaker"] in left_out:
            continue
        samples, rate = soundfile.read(folder / each["file"], dtype="int16")
        samples = soxr.resample(samples, rate, RATE) if rate != RATE else samples
        start, spoken = 0, []
        for text, length in each["pieces"]:
            spoken.append(Spoken(each["language"], text, samples[start : start + length]))
            start += length
        yield each["speaker"], spoken


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.training.tongues.gathering", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    found = sentences.gathered(folder)
    (folder / "sentences.json").write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    pack(folder, {**people(), **dict(festival(found["it"]))})
    np.savez_compressed(
        folder / "encoder.npz", **encoder_only(MoonshineWheel(unpacked("moonshine-voice") / _WHEEL).weights)
    )


if __name__ == "__main__":
    main()
