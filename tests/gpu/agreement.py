"""Each graph's answers on the device, beside those of the same weights in fp32 on the CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs import speaker_embedding
from export.graphs.ctc import graph as ctc
from export.graphs.runtime import Runner
from export.graphs.sequence.options import Precision
from export.graphs.whisper import graph as whisper
from export.publishing.recipes import RECIPES
from tests.export.graphs.ctc import checkpoint as ctc_checkpoint
from tests.export.graphs.whisper import checkpoint as whisper_checkpoint
from tests.gpu import shapes
from tests.gpu.engine import Arrays, Engine
from tests.matrix import material
from tests.matrix.judge import joined
from tests.readings import parts

ROWS = 8
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16")


@dataclass(frozen=True)
class Subject:
    name: str
    model: str  # whose config.pbtxt it is served by
    graphs: Mapping[str, Path]  # by precision
    rows: Sequence[Arrays]
    attention: bool = False  # its times come of attention, not of a CTC head


def subjects(folder: Path) -> Iterator[Subject]:
    """The published ones with their own weights, and small ones of the families of which there are none."""
    clips = material.sounds()
    for each, model in zip(shapes.bundled(), ("moonshine", "whisper"), strict=True):
        sounds = readings() if model == "moonshine" else clips
        graphs: dict[str, Path] = {
            precision: each.write(precision, folder / f"{model}-{precision}") for precision in PRECISIONS
        }
        yield Subject(each.name, model, graphs, _rows(sounds, each.prompt), attention=model == "moonshine")
    yield Subject("speaker_embedding", "speaker_embedding", _voices(folder), _rows(clips))
    yield Subject("ctc, random", "ctc", _small(folder, "ctc"), _rows(clips))
    rows = _rows(clips, tuple(material.SMALL_PROMPT))
    yield Subject("whisper, random", "whisper", _small(folder, "whisper"), rows, attention=True)


def _voices(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for precision in PRECISIONS:
        model, _identity = speaker_embedding.build(RECIPES["speaker_embedding"].source.locate(), precision)
        found[precision] = folder / f"speaker_embedding-{precision}.onnx"
        found[precision].write_bytes(model.SerializeToString())
    return found


def _small(folder: Path, family: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for precision in PRECISIONS:
        if family == "ctc":
            model = ctc.build(ctc_checkpoint.weights(ctc_checkpoint.SMALL), ctc_checkpoint.SMALL, precision)
        else:
            weights = whisper_checkpoint.random_weights(whisper_checkpoint.SMALL)
            model = whisper.build(weights, whisper_checkpoint.SMALL, whisper_checkpoint.options(precision=precision))
        found[precision] = folder / f"{family}-{precision}.onnx"
        found[precision].write_bytes(model.SerializeToString())
    return found


def readings() -> list[NDArray[np.int16]]:
    """A person who reads, in pieces of different lengths."""
    first, second = parts()
    whole = np.concatenate([first, second])
    return [whole, first, second, *(whole[: len(whole) * n // 9] for n in range(8, 3, -1))][:ROWS]


def _rows(sounds: Sequence[NDArray[np.int16]], prompt: tuple[int, ...] = ()) -> list[Arrays]:
    return [material.inputs(sound, number, prompt) for number, sound in enumerate(sounds)]


def compare(subject: Subject, device: str) -> list[dict[str, Any]]:
    """For each precision the largest differences of any row: from the CPU, and of the row in a batch from it alone."""
    found = []
    reference = [_looks(subject, each) for each in _answers(Runner(subject.graphs["fp32"]), subject.rows)]
    for precision, path in subject.graphs.items():
        engine = Engine(path, device, subject.model)
        alone = [_looks(subject, engine.run(row)) for row in subject.rows]
        together = engine.run(joined(list(subject.rows)))
        apart: dict[str, float] = {}
        for row, (expected, own) in enumerate(zip(reference, alone, strict=True)):
            _note(apart, "", expected, own, 0)
            _note(apart, " in a batch", own, together, row)
        texts = [_same_tokens(one, other) for one, other in zip(reference, alone, strict=True)]
        found.append({"subject": subject.name, "precision": precision, "rows": len(alone), "same_tokens": sum(texts),
                      "differences": apart})  # fmt: skip
    return found


def _answers(runner: Runner, rows: Sequence[Arrays]) -> list[Arrays]:
    takes = set(runner.signature().inputs)
    outputs = [name for name, tensor in runner.signature().outputs.items() if tensor.kind != "STRING"]
    return [runner.run({name: row[name] for name in takes}, *outputs) for row in rows]


def _looks(subject: Subject, answers: Arrays) -> Arrays:
    """Without the last look at the frames: where the row ends; beside longer ones it goes on looking."""
    if not subject.attention:
        return answers
    return {name: array[..., :-1] if name == "ALIGNMENT" else array for name, array in answers.items()}


def _note(apart: dict[str, float], where: str, expected: Arrays, found: Arrays, row: int) -> None:
    """Of tokens how many differ; of the rest, where the tokens are the same, how far they are apart."""
    same = _same_tokens(expected, {name: array[row : row + 1] for name, array in found.items()})
    for name, array in expected.items():
        given = found[name][row]
        size = tuple(slice(min(one, other)) for one, other in zip(array[0].shape, given.shape, strict=True))
        if array.dtype.kind == "i":
            difference = float((array[0][size] != given[size]).sum())
        elif not same:
            continue
        else:
            difference = float(np.abs(array[0][size].astype(float) - given[size].astype(float)).max(initial=0.0))
        apart[name + where] = max(apart.get(name + where, 0.0), difference)


def _same_tokens(one: Arrays, other: Arrays) -> bool:
    if "TOKEN" not in one:
        return True
    size = min(one["TOKEN"].shape[1], other["TOKEN"].shape[1])
    return bool((one["TOKEN"][0, :size] == other["TOKEN"][0, :size]).all())
