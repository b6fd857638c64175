"""How well the bundled model hears, by what was new to it: texts, voices, synthesizers, conditions.

    python -m export.training.evaluation             # var/asr/best, the training's best; the report goes beside it
    python -m export.training.evaluation --bundle    # and both into export/bundled, to be committed

The test shards are made from a fixed seed where they are missing. Nothing here was ever trained on, but for the
phrases of the split "whole", whose voices are new.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from export.training import conditions, storage
from export.training.conditions import Clip
from export.training.engines import RATE
from export.training.hearing import Heard, Listener
from export.training.report import markdown
from export.training.scoring import Score
from export.training.shards import Recording, recordings
from export.training.synthesis import SHARDS

_SEED = 1


@dataclass(frozen=True)
class Split:
    """A row of the report."""

    title: str
    shard: str
    count: int
    change: Callable[[list[Recording]], list[Clip]] = conditions.plain


SPLITS = {
    "texts": Split("Unseen texts, trained espeak-ng variants", "texts", 360),
    "voices": Split("Unseen texts, unseen espeak-ng variants", "voices", 360),
    "others": Split("Unseen texts, trained voices of the other synthesizers", "others", 250),
    "flite": Split("Unseen texts, unseen voice of flite (rms, English)", "flite", 150),
    "festival": Split("Unseen texts, unseen voice of festival (pc, Italian)", "festival", 120),
    "hibari": Split("Unseen texts, unseen synthesizer (hibari, English, neural)", "hibari", 120),
    "whole": Split("Trained whole phrases, unseen espeak-ng variants", "whole", 120),
    "noise": Split("As voices, noise at 15 dB", "voices", 360, conditions.noisy),
    "telephone": Split("As voices, telephone band and mu-law", "voices", 360, conditions.telephoned),
    "room": Split("As voices, in a room", "voices", 360, conditions.reverberant),
    "padded": Split("As voices, digital silence after it to 30 s", "voices", 360, conditions.padded_to_30_seconds),
    "joined": Split("As voices, joined to nearly 30 s", "voices", 360, conditions.joined),
}


def _recordings(name: str, count: int) -> list[Recording]:
    if not (SHARDS / f"{name}-{_SEED:02}.npy").exists():
        options = ["--kind", name, "--count", str(count), "--seed", str(_SEED)]
        subprocess.run([sys.executable, "-m", "export.training.synthesis", *options], check=True)
    return recordings(SHARDS, f"{name}-{_SEED:02}")


def _figures(clips: list[Clip], heard: list[Heard]) -> dict[str, Any]:
    text, english = Score(), Score()
    for clip, result in zip(clips, heard, strict=True):
        text.add(result.text, clip.text)
        if clip.language != "en":
            english.add(result.english, clip.english)
    pairs = list(zip(clips, heard, strict=True))
    return {
        "clips": len(clips),
        **text.percentages(),
        "language": _percent([result.language == clip.language for clip, result in pairs]),
        "taken_for_silence": _percent([not result.speech for result in heard]),
        "translation": english.percentages() if english.utterances else None,
    }


def _percent(right: list[bool]) -> float:
    return round(100 * sum(right) / len(right), 1)


def judge(split: Split, listener: Listener) -> dict[str, Any]:
    """A split's figures, over all its languages and for each."""
    clips = split.change(_recordings(split.shard, split.count))
    heard = listener.listen([clip.sound for clip in clips], [clip.language for clip in clips])
    languages = sorted({clip.language for clip in clips})
    by_language = {}
    for language in languages if len(languages) > 1 else []:
        places = [place for place, clip in enumerate(clips) if clip.language == language]
        by_language[language] = _figures([clips[i] for i in places], [heard[i] for i in places])
    return {"title": split.title, "all": _figures(clips, heard), "languages": by_language}


def _languages_at_three_seconds(listener: Listener) -> dict[str, Any]:
    clips = conditions.three_seconds(_recordings("voices", SPLITS["voices"].count))
    heard = listener.listen([clip.sound for clip in clips], [clip.language for clip in clips], translate=False)
    pairs = zip(clips, heard, strict=True)
    return {"clips": len(clips), "right": _percent([result.language == clip.language for clip, result in pairs])}


def _without_speech(listener: Listener) -> dict[str, Any]:
    clips = conditions.without_speech()
    heard = listener.listen([clip.sound for clip in clips], [clip.language for clip in clips], translate=False)
    return {
        "clips": len(clips),
        "first_token_is_no_speech": _percent([not result.speech for result in heard]),
        "text_when_the_language_is_forced": _percent([bool(result.text) for result in heard]),
        "text": _percent([result.speech and bool(result.text) for result in heard]),
    }


def evaluate(folder: Path) -> dict[str, Any]:
    listener = Listener(storage.load(folder))
    began, seconds, splits = time.process_time(), 0.0, {}
    for name, split in SPLITS.items():
        splits[name] = judge(split, listener)
        print(f"{name}: {splits[name]['all']}", flush=True)
        seconds += sum(len(clip.sound) for clip in split.change(_recordings(split.shard, split.count))) / RATE
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {
        "weights_sha256": storage.sha256(folder / storage.WEIGHTS),
        "training": manifest["training"],
        "splits": splits,
        "language_at_3_seconds": _languages_at_three_seconds(listener),
        "without_speech": _without_speech(listener),
        "real_time_factor": round((time.process_time() - began) / seconds, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export.training.evaluation", description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=storage.BEST, help="a folder that training wrote")
    parser.add_argument("--bundle", action="store_true", help="put the model and its report into export/bundled")
    arguments = parser.parse_args()
    folder: Path = arguments.model
    torch.set_num_threads(1)
    report = evaluate(folder)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (folder / "REPORT.md").write_text(markdown(report), encoding="utf-8")
    print(f"written to {folder / 'REPORT.md'}")
    if arguments.bundle:
        storage.bundle(folder)


if __name__ == "__main__":
    main()
