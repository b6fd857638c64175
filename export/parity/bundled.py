"""A graph of the bundled weights against what PyTorch made of them (golden.npz): each clip alone, and all together."""

from collections.abc import Iterable, Mapping, Sized
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.failure import ExportError
from export.graphs.runtime import Inputs, Runner

GOLDEN = "golden.npz"
REMEDY = "in .venv-export run `python -m export.parity.golden`"
Array = NDArray[Any]
Outputs = Mapping[str, Array]


def measure(model: bytes, folder: Path, weights_sha256: str) -> dict[str, float]:
    """The largest difference of a probability's logarithm, a language's or no-speech probability."""
    golden = load(folder / GOLDEN, weights_sha256)
    runner, clips = Runner(model), len(golden["samples"])
    everything = inputs(golden, range(clips))
    together = runner.run(everything)
    to_reference = to_single = 0.0
    for clip in range(clips):
        alone = runner.run(inputs(golden, [clip]))
        to_reference = max(to_reference, difference(golden, clip, alone, 0), difference(golden, clip, together, clip))
        to_single = max(to_single, _apart(alone, together, clip, golden))
    return {"max_difference": max(to_reference, to_single), "batched_to_single": to_single}


def load(path: Path, weights_sha256: str) -> dict[str, Any]:
    """The clips with what PyTorch said about them; those of other weights are no reference."""
    if not path.is_file():
        raise ExportError(f"{path} is missing: {REMEDY}")
    with np.load(path) as archive:
        if str(archive["checksum"]) != weights_sha256:
            raise ExportError(f"{path} was made with other weights than those beside it: {REMEDY}")
        names = sorted({name.rpartition("_")[0] for name in archive.files if name[-1].isdecimal()})
        count = sum(name.startswith("samples_") for name in archive.files)
        return {name: [archive[f"{name}_{clip}"] for clip in range(count)] for name in names}


def inputs(golden: Mapping[str, Any], clips: Iterable[int]) -> Inputs:
    """The clips with the prompt and the tokens that PyTorch generated, the first half of them forced."""
    rows = [(golden["samples"][clip], golden["tokens"][clip]) for clip in clips]
    audio = np.zeros((len(rows), max(len(samples) for samples, _ in rows)), np.int16)
    prompt = np.zeros((len(rows), max(forced(tokens) for _, tokens in rows)), np.int32)
    for row, (samples, tokens) in enumerate(rows):
        audio[row, : len(samples)] = samples
        prompt[row, : forced(tokens)] = tokens[: forced(tokens)]
    return {
        "AUDIO": audio,
        "LENGTH": np.array([[len(samples)] for samples, _ in rows], np.int32),
        "PROMPT": prompt,
        "PROMPT_LENGTH": np.array([[forced(tokens)] for _, tokens in rows], np.int32),
        "MAX_TOKENS": np.full((len(rows), 1), 100, np.int32),
    }


def forced(tokens: Sized) -> int:
    """How many of a clip's tokens go into the prompt."""
    return len(tokens) // 2 + 2


def difference(golden: Mapping[str, Any], clip: int, found: Outputs, row: int) -> float:
    """How far one row is from what PyTorch says; infinite where another token was chosen."""
    tokens, scores, ctc = (golden[name][clip] for name in ("tokens", "scores", "ctc"))
    given = forced(tokens)
    generated = found["TOKEN"][row, : len(tokens) - given]
    if list(generated) != list(tokens[given : given + len(generated)]):
        return float("inf")
    ours = np.concatenate(
        [found["PROMPT_LOG_PROBABILITY"][row, 1:given], found["LOG_PROBABILITY"][row, : len(generated)]]
    )
    pairs = (
        (ours, scores[: len(ours)]),
        (found["ALIGNMENT"][row, : len(ctc)], ctc),
        (found["LANGUAGE"][row], golden["language"][clip]),
        (found["NO_SPEECH"][row], golden["no_speech"][clip]),
    )
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def _apart(alone: Outputs, together: Outputs, clip: int, golden: Mapping[str, Any]) -> float:
    given, frames = forced(golden["tokens"][clip]), alone["ALIGNMENT"].shape[1]
    generated = alone["TOKEN"].shape[1]
    if list(alone["TOKEN"][0]) != list(together["TOKEN"][clip, :generated]):
        return float("inf")
    pairs = (
        (alone["LOG_PROBABILITY"][0], together["LOG_PROBABILITY"][clip, :generated]),
        (alone["PROMPT_LOG_PROBABILITY"][0], together["PROMPT_LOG_PROBABILITY"][clip, :given]),
        (alone["ALIGNMENT"][0], together["ALIGNMENT"][clip, :frames]),
        (alone["LANGUAGE"][0], together["LANGUAGE"][clip]),
        (alone["NO_SPEECH"][0], together["NO_SPEECH"][clip]),
    )
    return max(float(np.abs(a - b).max()) for a, b in pairs)
