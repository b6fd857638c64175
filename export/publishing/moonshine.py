"""Moonshine out of its authors' wheel: the internal graph, and what `asr` must know to read words out of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from export.failure import ExportError
from export.graphs.building import IDENTITY_HEX_DIGITS
from export.graphs.moonshine import apart as in_two
from export.graphs.moonshine import graph
from export.graphs.moonshine.heads import Heads
from export.graphs.moonshine.shape import FIRST_FRAME_SAMPLES, FRAME_SAMPLES
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import GraphOptions, Precision
from export.graphs.sequence.quantisation import HIGHEST_WEIGHT
from export.publishing.asr_version import SAMPLE_RATE, Provenance, Recogniser
from export.publishing.recipes import MOONSHINE, SPEAKING
from export.sources.moonshine_wheel import CONFIG, OPTIONS, SHA256, SHAPE, TOKENS, WORD_OFFSET_SECONDS, MoonshineWheel
from export.sources.safetensors import read_arrays, read_metadata

LANGUAGES = ("en",)  # that it writes
TASKS = ("transcribe", "translate")  # what is said in English is English already
FRAME_SECONDS, FIRST_FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE, FIRST_FRAME_SAMPLES / SAMPLE_RATE
# Of shorter pieces more words are wrong, beyond half a minute it repeats itself.
PIECE_SECONDS = 18.0
# The fastest speech has this many tokens a second; what goes on has lost its way. Its doubt is no measure of silence.
GUARDS = {"compression_ratio": 2.4, "tokens_per_second": 6.5, "spare_tokens": 5}
NO_SPEECH_PROBABILITY = 0.5  # of the head that was trained to hear it, where nothing was fitted


def build(path: Path, precision: Precision = MOONSHINE.precision) -> tuple[onnx.ModelProto, str]:
    """Of the wheel's encoder and what lies beside it, with the heads where they are bundled."""
    return graph.build(MoonshineWheel(path.parent).weights, SHAPE, _options(precision), heads()), _identity(precision)


def apart(precision: Precision) -> Apart:
    """The same in the graphs that are driven token by token."""
    found = MoonshineWheel(MOONSHINE.source.locate().parent)
    return in_two.build(found.weights, SHAPE, _options(precision), heads())


def heads() -> Heads | None:
    path = MOONSHINE.bundled_path
    return None if path is None else Heads(read_arrays(path), heard_languages())


def speaking() -> Mapping[str, Any]:
    """What was fitted to the bundled heads, for who speaks and in which language; nothing where nothing was."""
    return dict(json.loads(SPEAKING.read_bytes())) if SPEAKING.is_file() else {}


def heard_languages() -> tuple[str, ...]:
    """Those that the graph tells apart: without heads the one that it writes."""
    path = MOONSHINE.bundled_path
    if path is None:
        return LANGUAGES
    named = tuple(read_metadata(path).get("languages", "").split())
    if not named:
        raise ExportError(f"{path} does not name its languages: git checkout export/bundled")
    return named


def recogniser(recipe: str, parity: Mapping[str, Any], precision: Precision = MOONSHINE.precision) -> Recogniser:
    """For a version of `asr` by this recipe over the graph whose parity was measured."""
    found, hears = MoonshineWheel(MOONSHINE.source.locate().parent), MOONSHINE.bundled_path is not None
    source, limits = str(MOONSHINE.source), speaking() if hears else {}
    no_speech = limits["guards"]["no_speech_probability"] if limits else NO_SPEECH_PROBABILITY
    provenance = Provenance(recipe, source, MOONSHINE.licence, precision, found.sha256, dict(parity))
    return Recogniser(
        family="moonshine",
        identity=_identity(precision),
        provenance=provenance,
        languages=LANGUAGES,
        tasks=list(TASKS),
        tokens=TOKENS,
        tokenizer=found.tokenizer,
        max_tokens=SHAPE.target_positions,
        piece_seconds=PIECE_SECONDS,
        alignment="attention",
        word_offset_seconds=WORD_OFFSET_SECONDS,
        frame_seconds=FRAME_SECONDS,
        first_frame_seconds=FIRST_FRAME_SECONDS,
        heard_languages=heard_languages(),
        guards={**GUARDS, **({"no_speech_probability": no_speech} if hears else {})},
        voice_activity="vad",
        speaking=limits,
    )


def _options(precision: Precision) -> GraphOptions:
    return replace(OPTIONS, precision=precision)


def _identity(precision: Precision) -> str:
    """The files are those of the wheel, or nothing is made of them."""
    path = MOONSHINE.bundled_path
    facts = {
        "family": "moonshine",
        "sha256": {**SHA256, **({path.name: hashlib.sha256(path.read_bytes()).hexdigest()} if path else {})},
        "config": CONFIG,
        "options": {**vars(_options(precision)), "highest_weight": HIGHEST_WEIGHT},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:IDENTITY_HEX_DIGITS]
