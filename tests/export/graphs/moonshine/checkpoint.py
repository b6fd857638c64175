"""Moonshine checkpoints of any shape with random weights, lively enough that what is said depends on what is heard."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.moonshine.shape import Shape, expected
from export.graphs.sequence.options import GraphOptions, Precision

Weights = dict[str, NDArray[np.float32]]

SMALL = Shape(
    vocabulary=60,
    width=48,
    inner=96,
    encoder_layers=2,
    encoder_heads=3,
    decoder_layers=2,
    decoder_heads=3,
    target_positions=40,
    rotated=0.9,
    turn_base=10_000.0,
)
START, END = 1, 2


def options(precision: Precision = "fp32", **changes: Any) -> GraphOptions:
    usual: dict[str, Any] = {"start": START, "end": END, "suppressed": (0, START, *range(50, 60))}
    return GraphOptions(precision=precision, **{**usual, **changes})


def random_weights(shape: Shape, seed: int = 0) -> Weights:
    """By Hugging Face's names."""
    random = np.random.default_rng(seed)
    return {name: _drawn(random, name, size) for name, size in expected(shape).items()}


def _drawn(random: np.random.Generator, name: str, size: tuple[int, ...]) -> NDArray[np.float32]:
    spread, middle = 1.5 * float(np.prod(size[1:])) ** -0.5, 0.0
    if name.endswith(".bias"):
        spread = 0.02
    elif len(size) == 1:
        spread, middle = 0.1, 1.0
    elif "conv1" in name:
        spread = 1.0
    elif "embed_tokens" in name:
        spread = 0.5
    return np.asarray(middle + spread * random.standard_normal(size), np.float32)
