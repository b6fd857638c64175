"""Whisper checkpoints of any shape with random weights, lively enough that what is said depends on what is heard."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.sequence.options import GraphOptions, Precision
from export.graphs.whisper.shape import Shape

Weights = dict[str, NDArray[np.float32]]

SMALL = Shape(
    vocabulary=60,
    mels=80,
    width=48,
    encoder_layers=2,
    encoder_heads=3,
    decoder_layers=2,
    decoder_heads=2,
    source_positions=150,
    target_positions=40,
)
END, START, LANGUAGES, TRANSCRIBE, NO_SPEECH, NO_TIMESTAMPS, PREVIOUS = 50, 51, (52, 53, 54), 55, 56, 57, 58
PROMPT = [START, 53, TRANSCRIBE, NO_TIMESTAMPS]


def options(precision: Precision = "fp32", **changes: Any) -> GraphOptions:
    usual: dict[str, Any] = {
        "start": START,
        "end": END,
        "no_speech": NO_SPEECH,
        "languages": LANGUAGES,
        "suppressed": tuple(range(51, 60)),
    }
    return GraphOptions(precision=precision, **{**usual, **changes})


@dataclass
class _Drawn:
    """Parameters as they are drawn."""

    random: np.random.Generator
    width: int
    weights: Weights = field(default_factory=dict)

    def add(self, name: str, *size: int, spread: float = 0.02, middle: float = 0.0) -> None:
        self.weights[name] = (middle + spread * self.random.standard_normal(size)).astype(np.float32)

    def linear(self, name: str, outputs: int, inputs: int, bias: bool = True) -> None:
        self.add(f"{name}.weight", outputs, inputs, spread=1.5 * inputs**-0.5)
        if bias:
            self.add(f"{name}.bias", outputs)

    def norm(self, name: str) -> None:
        self.add(f"{name}.weight", self.width, spread=0.1, middle=1.0)
        self.add(f"{name}.bias", self.width)

    def layer(self, name: str, attentions: Sequence[str]) -> None:
        for attention in attentions:
            for part in ("q", "k", "v", "out"):
                self.linear(f"{name}.{attention}.{part}_proj", self.width, self.width, bias=part != "k")
            self.norm(f"{name}.{attention}_layer_norm")
        self.linear(f"{name}.fc1", 4 * self.width, self.width)
        self.linear(f"{name}.fc2", self.width, 4 * self.width)
        self.norm(f"{name}.final_layer_norm")


def random_weights(shape: Shape, seed: int = 0, ctc_classes: int = 0) -> Weights:
    """By Hugging Face's names."""
    width = shape.width
    drawn = _Drawn(np.random.default_rng(seed), width)
    for number in range(shape.encoder_layers):
        drawn.layer(f"model.encoder.layers.{number}", ("self_attn",))
    drawn.norm("model.encoder.layer_norm")
    for number in range(shape.decoder_layers):
        drawn.layer(f"model.decoder.layers.{number}", ("self_attn", "encoder_attn"))
    drawn.norm("model.decoder.layer_norm")
    for name, inputs in (("conv1", shape.mels), ("conv2", width)):
        drawn.add(f"model.encoder.{name}.weight", width, inputs, 3, spread=1.5 * (3 * inputs) ** -0.5)
        drawn.add(f"model.encoder.{name}.bias", width)
    drawn.add("model.encoder.embed_positions.weight", shape.source_positions, width, spread=0.5)
    drawn.add("model.decoder.embed_tokens.weight", shape.vocabulary, width, spread=0.3)
    drawn.add("model.decoder.embed_positions.weight", shape.target_positions, width, spread=0.5)
    if ctc_classes:
        drawn.linear("ctc_head", ctc_classes, width)
    return drawn.weights
