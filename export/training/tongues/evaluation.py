"""How a network fares with people that it never heard, beside the bundled recogniser on the same recordings.

python -m export.training.tongues.evaluation --run B

Greedily read: the likeliest letter of each frame, without a dictionary or a model of the language. Each recording is
trimmed to its sound, with a tenth of a second around it.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from export.people.collection import recordings
from export.people.recordings import TEST_SPEAKERS
from export.training import alphabet, storage
from export.training.hearing import Listener
from export.training.scoring import Score
from export.training.tongues.bank import AROUND_SAMPLES, Bank, batch, whole
from export.training.tongues.gathering import FOLDER, heard
from export.training.tongues.letters import LANGUAGES, UNTOLD, normalise, read
from export.training.tongues.network import Tongues, frames
from export.training.tongues.speaking import Spoken
from export.training.tongues.training import FOLDS, load

_ROWS = 16
Writer = Callable[[Sequence[Spoken]], list[str]]


def unheard(fold: str) -> dict[str, list[Spoken]]:
    """By speaker: people with texts whom a network of this fold never heard."""
    found: dict[str, list[Spoken]] = {}
    for each in recordings():
        if each.text and each.language in LANGUAGES and each.speaker in FOLDS[fold] | TEST_SPEAKERS:
            spoken = heard(each)
            if spoken is not None:
                found.setdefault(f"{each.language}: {each.speaker}", []).append(spoken)
    return found


@torch.no_grad()
def texts(network: Tongues, spoken: Sequence[Spoken], told: bool = True) -> list[str]:
    """Of one language, which is told or not."""
    bank = Bank(sum(len(each.sound) for each in spoken) / 16_000 + 1, torch.device("cpu"))
    bank.take(spoken)
    language = spoken[0].language
    every = [whole(bank, language, piece) for piece in bank.pieces[language]]
    order = sorted(range(len(every)), key=lambda place: every[place].length)
    written = [""] * len(every)
    for start in range(0, len(order), _ROWS):
        chosen = order[start : start + _ROWS]
        rows = [every[place] for place in chosen]
        seen = batch(rows, max(row.length for row in rows))
        languages = seen.languages if told else torch.full_like(seen.languages, UNTOLD)
        best = network(seen.sounds, seen.lengths, languages).argmax(2)
        for place, row, count in zip(chosen, best, frames(seen.lengths), strict=True):
            written[place] = read(row[: int(count)].tolist())
    return written


def bundled(spoken: Sequence[Spoken]) -> list[str]:
    """Nothing where it does not know the language."""
    if spoken[0].language not in alphabet.LANGUAGES:
        return [""] * len(spoken)
    sounds = [np.pad(each.sound.astype(np.float32) / 32768, AROUND_SAMPLES) for each in spoken]
    listener = Listener(storage.load(storage.BUNDLED))
    return [
        normalise(each.text) for each in listener.listen(sounds, [each.language for each in spoken], translate=False)
    ]


def judged(write: Writer, spoken: Sequence[Spoken]) -> dict[str, float]:
    score = Score()
    for said, each in zip(write(spoken), spoken, strict=True):
        score.add(said, each.text)
    return {"clips": score.utterances, "words": score.words, **score.percentages()}


def table(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    lines = [f"{'':26}{'clips':>6}{'words':>7}"]
    for speaker, each in figures.items():
        first = next(iter(each.values()))
        lines.append(f"{speaker:26}{first['clips']:6}{first['words']:7}")
        lines += [
            f"  {name:24} WER {one['wer']:5} CER {one['cer']:5} exact {one['exact']:5}" for name, one in each.items()
        ]
    return "\n".join(lines)


def main() -> None:
    name = "python -m export.training.tongues.evaluation"
    parser = argparse.ArgumentParser(prog=name, description=__doc__.split("\n")[0])
    parser.add_argument("--run", required=True)
    parser.add_argument("--fold", choices=FOLDS, default="telephones")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load(options.folder / f"{options.run}.npz", options.folder / "encoder.npz")
    writers: dict[str, Writer] = {
        "bundled": bundled,
        options.run: lambda spoken: texts(network, spoken),
        f"{options.run}, language untold": lambda spoken: texts(network, spoken, told=False),
    }
    figures = {
        speaker: {name: judged(write, spoken) for name, write in writers.items()}
        for speaker, spoken in unheard(options.fold).items()
    }
    print(table(figures))
    (options.folder / f"{options.run}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
