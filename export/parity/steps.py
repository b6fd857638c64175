"""The graphs that are driven token by token against the same recogniser in its Loop: published is what agrees."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docker.triton.backends.asr.decoding.device import Device
from docker.triton.backends.asr.decoding.steps import Steps
from export.failure import ExportError
from export.graphs import model_files
from export.graphs.runtime import Runner
from export.graphs.sequence.apart import Apart
from export.parity.originals.sounds import hum, padded
from export.publishing.asr_version import Recogniser
from export.publishing.families.order import TOLERANCES

SECONDS, TEXT_TOKENS, MOST_TOKENS = (2.0, 0.7, 3.1), 12, 24
OUTPUTS = ("TOKEN", "LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH")
Arrays = Mapping[str, NDArray[Any]]


def files(apart: Apart, described: Recogniser, loop: Path, largest_bytes: int = 2_000_000_000) -> dict[str, bytes]:
    """The three graphs by their names; raises where they say something else than the loop."""
    with tempfile.TemporaryDirectory() as folder:
        for name, graph in apart.files.items():
            model_files.write(graph, Path(folder), largest_bytes, name)
        difference = measure(Path(folder), described, loop)
        limit = TOLERANCES[described.provenance.precision]
        if not difference <= limit:
            raise ExportError(
                f"{described.family} driven step by step differs from its loop by {difference:.1e}, more than "
                f"{limit:.0e}; nothing was published"
            )
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def measure(folder: Path, described: Recogniser, loop: Path) -> float:
    """The largest difference; infinite where another token was chosen in single precision."""
    asked, steps, runner = inputs(described), Steps(folder, Device()), Runner(loop)
    found, expected = steps.answer(asked, OUTPUTS), runner.run(asked, *OUTPUTS)
    exact = described.provenance.precision == "fp32"
    if exact and found["TOKEN"].tolist() != expected["TOKEN"].tolist():
        return float("inf")
    names = OUTPUTS[1:] if exact else OUTPUTS[2:]
    return max(float(np.abs(found[name] - expected[name]).max()) for name in names)


def inputs(described: Recogniser) -> Arrays:
    """Sounds of different lengths, a text of letters at random before what is to be written."""
    tokens, random = described.tokens, np.random.default_rng(3)
    task = [tokens.start]
    task += [-1, next(iter(tokens.tasks.values()))] if tokens.languages and tokens.tasks else []
    task += [] if tokens.no_timestamps is None else [tokens.no_timestamps]
    audio, lengths = padded([hum(seconds, seed) for seed, seconds in enumerate(SECONDS)])
    text = random.integers(0, tokens.first_special, (len(SECONDS), TEXT_TOKENS))
    prompt = np.concatenate([np.tile(np.array(task, np.int64), (len(SECONDS), 1)), text], axis=1).astype(np.int32)
    given = np.array([[len(task)], [len(task) + 5], [prompt.shape[1]]], np.int32)
    most = np.full((len(SECONDS), 1), MOST_TOKENS, np.int32)
    return {"AUDIO": audio, "LENGTH": lengths, "PROMPT": prompt, "PROMPT_LENGTH": given, "MAX_TOKENS": most}
