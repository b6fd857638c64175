"""Moonshine out of its authors' wheel: the internal graph, and what `asr` must know to read words out of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from export.graphs.building import identity
from export.graphs.moonshine import graph
from export.graphs.moonshine.shape import FIRST_FRAME_SAMPLES, FRAME_SAMPLES
from export.publishing.asr_version import SAMPLE_RATE, Provenance, Recogniser
from export.publishing.recipes import MOONSHINE
from export.sources.moonshine_wheel import CONFIG, OPTIONS, SHAPE, TOKENS, WORD_OFFSET_SECONDS, MoonshineWheel

FRAME_SECONDS, FIRST_FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE, FIRST_FRAME_SAMPLES / SAMPLE_RATE
# Of shorter pieces more words are wrong, beyond half a minute it repeats itself.
PIECE_SECONDS = 18.0
# The fastest speech has this many tokens a second; what goes on has lost its way. Its doubt is no measure of silence.
GUARDS = {"compression_ratio": 2.4, "tokens_per_second": 6.5, "spare_tokens": 5}


def build(path: Path) -> tuple[onnx.ModelProto, str]:
    """Of the wheel's encoder and what lies beside it."""
    weights = MoonshineWheel(path.parent).weights
    return graph.build(weights, SHAPE, OPTIONS), _identity(weights)


def recogniser(recipe: str, parity: Mapping[str, Any]) -> Recogniser:
    """For a version of `asr` by this recipe over the graph whose parity was measured."""
    found = MoonshineWheel(MOONSHINE.source.locate().parent)
    provenance = Provenance(recipe, str(MOONSHINE.source), MOONSHINE.licence, "fp32", found.sha256, dict(parity))
    return Recogniser(
        family="moonshine",
        identity=_identity(found.weights),
        provenance=provenance,
        languages=["en"],
        tasks=["transcribe"],
        tokens=TOKENS,
        tokenizer=found.tokenizer,
        max_tokens=SHAPE.target_positions,
        piece_seconds=PIECE_SECONDS,
        alignment="attention",
        word_offset_seconds=WORD_OFFSET_SECONDS,
        frame_seconds=FRAME_SECONDS,
        first_frame_seconds=FIRST_FRAME_SECONDS,
        guards=GUARDS,
        voice_activity="vad",
    )


def _identity(weights: Mapping[str, Any]) -> str:
    return identity(weights, {"family": "moonshine", "config": CONFIG, "options": vars(OPTIONS)})
