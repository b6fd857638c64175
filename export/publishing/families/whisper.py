"""Whisper's family: the whole model as one graph, whatever its size and languages."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from export.graphs import model_files
from export.graphs.building import INT32, identity
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import GraphOptions
from export.graphs.sequence.quantisation import HIGHEST_WEIGHT
from export.graphs.whisper import apart as in_graphs
from export.graphs.whisper.graph import build
from export.graphs.whisper.shape import Shape, alignment
from export.parity.originals.whisper import measure
from export.publishing.asr_version import GUARDS, Recogniser
from export.publishing.families.order import Order, Workplace
from export.sources import whisper as source
from export.sources.whisper import WhisperSource

GRAPH = "whisper"
LETTERS_PER_SECOND = 40.0  # where tokens are letters


def read(order: Order) -> WhisperSource:
    return source.read(order.checkpoint, order.languages)


def write(found: WhisperSource, order: Order, place: Workplace) -> Path:
    shape = Shape.from_config(found.checkpoint.config)
    return model_files.write(build(found.weights, shape, _options(found, order)), place.folder, place.largest_bytes)


def apart(found: WhisperSource, order: Order) -> Apart:
    """The same in the graphs that are driven token by token."""
    return in_graphs.build(found.weights, Shape.from_config(found.checkpoint.config), _options(found, order))


def encoder_for_tensorrt(found: WhisperSource, order: Order) -> onnx.ModelProto:
    """In single precision: trtexec chooses the smaller one itself."""
    options = replace(_options(found, order), precision="fp32")
    shape = Shape.from_config(found.checkpoint.config)
    return in_graphs.encoder(found.weights, shape, options, plain=True, audio_type=INT32)


def describe(found: WhisperSource, order: Order, path: Path) -> Recogniser:
    """Measures the written graph first; a bad one raises."""
    facts = found.checkpoint.json("manifest.json") or {}  # of a checkpoint that this project trained
    calibration = _calibration(found)
    padding = order.padding if order.padding is not None else bool(facts.get("wants_padding", True))
    parity = measure(path, found, padding)
    weights = identity(found.weights, _front_end(found, order))
    tokens = found.tokens
    return Recogniser(
        family="whisper",
        identity=weights,
        provenance=order.provenance(weights, parity),
        languages=found.languages,
        tasks=list(tokens.tasks) if tokens.tasks else ["transcribe"],
        tokens=tokens,
        tokenizer=found.tokenizer.to_str(),
        max_tokens=int(found.checkpoint.config["max_target_positions"]),
        wants_padding=padding,
        alignment=alignment(found.weights),
        ctc=found.ctc,
        word_offset_seconds=float(calibration.get("word_offset_seconds", 0.0)),
        guards={**_guards(found), **calibration.get("guards", {})},
        confidence=calibration.get("confidence"),
        language_temperature=float(calibration.get("language_temperature", 1.0)),
    )


def _options(found: WhisperSource, order: Order) -> GraphOptions:
    tokens = found.tokens
    assert tokens.start is not None
    assert tokens.end is not None
    return GraphOptions(
        start=tokens.start,
        end=tokens.end,
        no_speech=tokens.no_speech,
        languages=tuple((tokens.languages or {}).values()),
        suppressed=tuple(found.suppressed),
        suppressed_at_first=tuple(found.suppressed_first),
        alignment_heads=tuple(found.alignment_heads),
        precision=order.precision,
    )


def _front_end(found: WhisperSource, order: Order) -> dict[str, Any]:
    """What else makes two versions answer differently."""
    rounding = {"highest_weight": HIGHEST_WEIGHT} if order.precision == "int8" else {}
    options = vars(_options(found, order))
    return {"family": "whisper", "config": dict(found.checkpoint.config), "options": options, **rounding}


def _calibration(found: WhisperSource) -> dict[str, Any]:
    """What was measured with these very weights; nothing where nothing was."""
    measured = found.checkpoint.json("calibration.json") or {}
    return measured if measured.get("sha256") in found.checkpoint.sha256().values() else {}


def _guards(found: WhisperSource) -> dict[str, float]:
    words = [token for token, number in found.tokenizer.get_vocab().items() if number < found.tokens.first_special]
    if all(len(word) == 1 for word in words):
        return {**GUARDS, "tokens_per_second": LETTERS_PER_SECOND}
    return dict(GUARDS)
