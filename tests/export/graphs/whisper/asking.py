"""Asking a graph about clips of different lengths, in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.runtime import Inputs, Runner
from tests.export.graphs.whisper.checkpoint import PROMPT

Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Ask:
    samples: NDArray[np.int16]
    prompt: list[int] = field(default_factory=lambda: list(PROMPT))
    max_tokens: int = 12


def inputs(asks: Sequence[Ask], spare: int = 0, beyond: int = 0) -> Inputs:
    """Behind each clip lies noise that nobody may hear; `beyond` is the token that pads the prompts."""
    size = max(len(ask.samples) for ask in asks) + spare
    audio = np.random.default_rng(3).integers(-9000, 9000, (len(asks), size)).astype(np.int16)
    prompt = np.full((len(asks), max(len(ask.prompt) for ask in asks)), beyond, np.int32)
    for row, ask in enumerate(asks):
        audio[row, : len(ask.samples)] = ask.samples
        prompt[row, : len(ask.prompt)] = ask.prompt
    return {
        "AUDIO": audio,
        "LENGTH": np.array([[len(ask.samples)] for ask in asks], np.int32),
        "PROMPT": prompt,
        "PROMPT_LENGTH": np.array([[len(ask.prompt)] for ask in asks], np.int32),
        "MAX_TOKENS": np.array([[ask.max_tokens] for ask in asks], np.int32),
    }


def ask(graph: Runner, *asks: Ask, spare: int = 0) -> Outputs:
    return graph.run(inputs(asks, spare))


def clip(seconds: float, seed: int = 0) -> NDArray[np.int16]:
    """Tones that move, in noise: different for each seed."""
    random = np.random.default_rng(seed)
    time = np.arange(round(16_000 * seconds)) / 16_000
    pitch = random.uniform(100, 900) + 200 * np.sin(2 * np.pi * random.uniform(0.5, 3) * time)
    tone = np.sin(2 * np.pi * np.cumsum(pitch) / 16_000) * (1 + np.sin(2 * np.pi * random.uniform(1, 6) * time))
    return np.asarray(tone * 4000 + random.standard_normal(len(time)) * 300, np.int16)
