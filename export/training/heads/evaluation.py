"""How the heads fare with people they never heard, and with sounds without any.

python -m export.training.heads.evaluation             # var/heads/heads.safetensors; the report goes beside it
python -m export.training.heads.evaluation --bundle    # and both into export/bundled, to be committed
"""

import argparse
import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.heads.reference import WEIGHTS, Array, Heads, read
from export.people.recordings import TEST_SPEAKERS
from export.training.heads.clip import LANGUAGES, NOBODY, Clip
from export.training.heads.encoding import FOLDER
from export.training.heads.frames import FRAMES_A_SECOND, LEAST_FRAMES, Encoded, load, padded
from export.training.heads.report import markdown

SURE = 0.8
_BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
_ROWS = 16
Flags = NDArray[np.bool_]


def share(flags: Flags) -> dict[str, Any]:
    """Of how many, how many, and Wilson's interval of 95 %, in percent."""
    count, right = len(flags), int(flags.sum())
    if not count:
        return {"clips": 0, "right": 0, "percent": None, "from": None, "to": None}
    z, rate = 1.96, right / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    low, high = (round(100 * float(edge), 1) for edge in (max(middle - reach, 0), min(middle + reach, 1)))
    return {"clips": count, "right": right, "percent": round(100 * rate, 1), "from": low, "to": high}


def evaluate(heads: Heads, folder: Path) -> dict[str, Any]:
    people = load(folder, lambda clip: clip.use != "train" and clip.speaker in TEST_SPEAKERS)
    nobody = load(folder, lambda clip: clip.use == "test" and clip.language == NOBODY)
    sentences = [each for each in people if each.clip.use == "test" and each.length >= LEAST_FRAMES]
    return {
        "language": _language(sentences, answers(heads, sentences)[0]),
        "speech": _speech(people, answers(heads, people)[1], nobody, answers(heads, nobody)[1]),
    }


def answers(heads: Heads, clips: Sequence[Encoded]) -> tuple[Array, Array]:
    """The probabilities of languages, and of no speech."""
    found = []
    for start in range(0, len(clips), _ROWS):
        frames, mask = padded([each.frames() for each in clips[start : start + _ROWS]])
        found.append(heads.scores(frames, mask))
    return np.concatenate([each.languages for each in found]), np.concatenate([each.no_speech for each in found])


def _language(clips: Sequence[Encoded], probabilities: Array) -> dict[str, Any]:
    truth = np.array([each.clip.language for each in clips])
    heard, sure = np.array(LANGUAGES)[probabilities.argmax(1)], probabilities.max(1)
    known, right = np.isin(truth, LANGUAGES), heard == truth
    seconds = np.array([each.length for each in clips]) / FRAMES_A_SECOND

    def by(key: Callable[[Clip], str], of: Flags) -> dict[str, Any]:
        keys = np.array([key(each.clip) for each in clips])
        return {name: share(right[of & (keys == name)]) for name in sorted(set(keys[of]))}

    four = np.isin(truth, ("de", "es", "fr", "it"))
    strangers = np.array([each.clip.speaker for each in clips])
    return {
        "english": share(right[truth == "en"]),
        "german_spanish_french_italian": share(right[four]),
        "languages": by(lambda clip: clip.language, known),
        "speakers": by(lambda clip: f"{clip.language}: {clip.speaker}", known),
        "lengths": {
            f"{low}-{high} s": share(right[known & (seconds >= low) & (seconds < high)])
            for low, high in ((3, 5), (5, 8), (8, 13))
        },
        "sure_and_wrong": share(~right[known & (sure >= SURE)]),
        "unknown_and_sure": share(sure[~known] >= SURE),
        "unknown_speakers": {name: share(sure[strangers == name] >= SURE) for name in sorted(set(strangers[~known]))},
        "reliability": _reliability(sure[known], right[known]),
        "heard_as": {
            language: {name: int(((truth == language) & (heard == name)).sum()) for name in LANGUAGES}
            for language in LANGUAGES
        },
    }


def _reliability(sure: Array, right: Flags) -> list[dict[str, Any]]:
    rows = []
    for low, high in itertools.pairwise(_BINS):
        mine = (sure >= low) & ((sure < high) | (high == 1))
        if mine.any():
            said = round(100 * float(sure[mine].mean()), 1)
            rows.append({"above": low, "up_to": high, "said": said, **share(right[mine])})
    return rows


def _speech(people: Sequence[Encoded], lost: Array, nobody: Sequence[Encoded], silent: Array) -> dict[str, Any]:
    kinds = np.array([each.clip.kind for each in nobody])
    words = np.array([each.clip.use == "words" for each in people])
    speakers = np.array([f"{each.clip.language}: {each.clip.speaker}" for each in people])
    missed = lost >= 0.5
    return {
        "refused_made": share(silent[kinds == "made"] >= 0.5),
        "refused_recorded": share(silent[kinds == "sound"] >= 0.5),
        "lost_words": share(missed[words]),
        "lost_sentences": share(missed[~words]),
        "lost_by": {name: share(missed[speakers == name]) for name in sorted(set(speakers[missed]))},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m export.training.heads.evaluation", description=__doc__.split(",")[0]
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--bundle", action="store_true", help="put the heads and their report into export/bundled")
    options = parser.parse_args()
    path = options.folder / WEIGHTS.name
    report = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **evaluate(read(path), options.folder)}
    target = WEIGHTS.parent if options.bundle else options.folder
    if options.bundle:
        shutil.copyfile(path, WEIGHTS)
    (target / "heads.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (target / "HEADS.md").write_text(markdown(report), encoding="utf-8")
    print(markdown(report))


if __name__ == "__main__":
    main()
