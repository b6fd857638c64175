"""What the matrix runs: every graph that is published here, and small ones of each family in each precision.

Beside each graph lie rows of different lengths, and what the pinned ONNX Runtime answers to each of them alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docker.triton import configuration
from export.graphs.ctc import graph as ctc
from export.graphs.moonshine import apart as moonshine_apart
from export.graphs.moonshine import graph as moonshine
from export.graphs.runtime import Runner
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import Precision
from export.graphs.whisper import apart as whisper_apart
from export.graphs.whisper import graph as whisper
from export.parity.bundled import GOLDEN
from export.publishing.publication import versions
from export.publishing.recipes import BUNDLED_FOLDER
from export.sources.bundled import Bundle
from tests.export.graphs.ctc import checkpoint as ctc_checkpoint
from tests.export.graphs.moonshine import checkpoint as moonshine_checkpoint
from tests.export.graphs.whisper import checkpoint as whisper_checkpoint

ROWS, PARTS = 8, (1.0, 0.6, 0.3)  # the mistakes of older releases showed from the fourth row on
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
# Of log-probabilities and their like, between two releases, which add up in another order; int8 is rounded otherwise.
TOLERANCES = {"fp32": 1e-4, "fp16": 0.05, "int8": 0.5}
# In one release, between a row in a batch and the same row alone.
BATCH_TOLERANCES = {"fp32": 1e-4, "fp16": 0.05, "int8": 1e-3}
SMALL_PROMPT = [*whisper_checkpoint.PROMPT]
WINDOW_SAMPLES = 512
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Subject:
    name: str
    model: Path | bytes
    precision: str
    prompt: tuple[int, ...] = ()
    attention: bool = False  # its times come of attention, not of a CTC head
    apart: Apart | None = None  # the same to be driven token by token, which is to say what the whole graph says


def write(repository: Path, folder: Path) -> list[Path]:
    """A folder a graph, ready for judge.py."""
    return [_write(subject, folder) for subject in subjects(repository)]


def subjects(repository: Path) -> Iterator[Subject]:
    yield from published(repository)
    yield from _moonshine()
    bundle = Bundle(BUNDLED_FOLDER)
    for precision in PRECISIONS[1:]:
        options = replace(bundle.options, precision=precision)
        model = whisper.build(bundle.weights, bundle.shape, options)
        yield Subject(f"bundled {precision}", model.SerializeToString(), precision, _prompt(bundle.tokens.start))
    weights = whisper_checkpoint.random_weights(whisper_checkpoint.SMALL)
    for precision in PRECISIONS:
        how = (whisper_checkpoint.SMALL, whisper_checkpoint.options(precision=precision))
        model = whisper.build(weights, *how).SerializeToString()
        yield Subject(f"whisper {precision}", model, precision, tuple(SMALL_PROMPT), attention=True)
        if precision == "fp32":
            apart = whisper_apart.build(weights, *how)
            yield Subject("whisper step by step", model, precision, tuple(SMALL_PROMPT), attention=True, apart=apart)
        for norm_first in (False, True):
            shape = replace(ctc_checkpoint.SMALL, norm_first=norm_first, normalises_each_frame=norm_first)
            model = ctc.build(ctc_checkpoint.weights(shape), shape, precision)
            kind = "norm first" if norm_first else "norm last"
            yield Subject(f"ctc {kind} {precision}", model.SerializeToString(), precision)


def _moonshine() -> Iterator[Subject]:
    """Of weights whose choices are no ties: two releases round int8 otherwise, and random ones tie easily."""
    shape, prompt = moonshine_checkpoint.SMALL, (moonshine_checkpoint.START,)
    weights = moonshine_checkpoint.random_weights(shape, seed=11)
    for precision in PRECISIONS:
        options = moonshine_checkpoint.options(precision=precision)
        model = moonshine.build(weights, shape, options).SerializeToString()
        yield Subject(f"moonshine {precision}", model, precision, prompt, attention=True)
        if precision == "fp32":
            apart = moonshine_apart.build(weights, shape, options)
            yield Subject("moonshine step by step", model, precision, prompt, attention=True, apart=apart)


def published(repository: Path) -> Iterator[Subject]:
    for path in sorted(repository.glob("*/config.pbtxt")):
        newest = versions(path.parent)[-1:]
        if configuration.read(path).get("backend") != "onnxruntime" or not newest:
            continue
        tokens = _tokens(repository, path.parent.name, newest[0].number)
        prompt = _prompt(tokens["start"], tokens.get("no_timestamps")) if tokens else (moonshine_checkpoint.START,)
        precision = str(newest[0].manifest.get("precision", "fp32"))
        attention = newest[0].manifest.get("alignment") != "ctc"
        yield Subject(f"published {path.parent.name}", newest[0].model_path, precision, prompt, attention)


def _tokens(repository: Path, graph: str, version: int) -> dict[str, Any]:
    """Of the version of `asr` that names this graph."""
    for each in versions(repository / "asr"):
        if each.manifest.get("graph") == {"model": graph, "version": version}:
            return dict(each.manifest["tokens"])
    return {}


def _prompt(start: int | None, *others: int | None) -> tuple[int, ...]:
    detected = -1
    return tuple(token for token in (start, detected, *others) if token is not None)


def _write(subject: Subject, folder: Path) -> Path:
    place = folder / subject.name.replace(" ", "-")
    place.mkdir(parents=True)
    path = subject.model if isinstance(subject.model, Path) else place / "model.onnx"
    if isinstance(subject.model, bytes):
        path.write_bytes(subject.model)
    runner = Runner(path)
    takes, rows = set(runner.signature().inputs), dict[str, NDArray[Any]]()
    for number, sound in enumerate(sounds()):
        row = {name: array for name, array in inputs(sound, number, subject.prompt).items() if name in takes}
        if "WINDOWS" in takes:
            row["AUDIO"] = row["AUDIO"][:, : int(row["WINDOWS"][0, 0]) * WINDOW_SAMPLES]
        rows |= {f"{number}|in|{name}": array for name, array in row.items()}
        answers = {name: array for name, array in runner.run(row).items() if array.dtype != np.object_}
        if subject.attention and "ALIGNMENT" in answers:
            # Where the row ends; beside longer ones it goes on looking.
            answers["ALIGNMENT"] = answers["ALIGNMENT"][..., :-1]
        rows |= {f"{number}|out|{name}": array for name, array in answers.items()}
    np.savez(place / "rows.npz", **rows)
    limits = [TOLERANCES[subject.precision], BATCH_TOLERANCES[subject.precision]]
    facts = {"name": subject.name, "model": str(path), "tolerances": limits, "steps": subject.apart is not None}
    facts["rounds"] = subject.precision == "int8"
    for name, graph in (subject.apart.files if subject.apart else {}).items():
        (place / name).write_bytes(graph.SerializeToString())
    (place / "subject.json").write_text(json.dumps(facts))
    return place


def inputs(sound: NDArray[np.int16], seed: int, prompt: tuple[int, ...]) -> Arrays:
    """A piece of speech, and something under every other name that a graph may ask for."""
    random = np.random.default_rng(seed)
    return {
        "AUDIO": sound[None],
        "LENGTH": np.array([[len(sound)]], np.int32),
        "WINDOWS": np.array([[len(sound) // WINDOW_SAMPLES]], np.int32),
        "CONTEXT": (0.1 * random.standard_normal((1, 64))).astype(np.float32),
        "STATE": (0.1 * random.standard_normal((1, 2, 128))).astype(np.float32),
        "PROMPT": np.array([prompt], np.int32),
        "PROMPT_LENGTH": np.array([[len(prompt)]], np.int32),
        "MAX_TOKENS": np.array([[60]], np.int32),
    }


def sounds() -> list[NDArray[np.int16]]:
    """The clips whose words PyTorch has said of the bundled weights, whole and in parts."""
    with np.load(BUNDLED_FOLDER / GOLDEN) as archive:
        clips = [archive[name] for name in sorted(archive.files) if name.startswith("samples_")]
    return [clip[: int(part * len(clip))] for part in PARTS for clip in clips][:ROWS]
