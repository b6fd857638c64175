"""Moonshine's family, tiny and base: one language a checkpoint."""

from dataclasses import asdict
from pathlib import Path

from export.failure import ExportError
from export.graphs import model_files
from export.graphs.building import identity
from export.graphs.moonshine import apart as in_graphs
from export.graphs.moonshine.graph import build
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import GraphOptions
from export.graphs.sequence.quantisation import HIGHEST_WEIGHT
from export.parity.originals.moonshine import measure
from export.publishing.asr_version import Recogniser
from export.publishing.families.order import Order, Workplace
from export.publishing.moonshine import (
    FIRST_FRAME_SECONDS,
    FRAME_SECONDS,
    GUARDS,
    LANGUAGES,
    PIECE_SECONDS,
    TASKS,
)
from export.sources import moonshine as source
from export.sources.moonshine import MoonshineSource
from export.sources.moonshine_wheel import WORD_OFFSET_SECONDS

GRAPH = "moonshine"


def read(order: Order) -> MoonshineSource:
    if len(order.languages) > 1:
        raise ExportError(f"{order.checkpoint.name} is of one language, not of {', '.join(order.languages)}")
    return source.read(order.checkpoint, order.languages)


def write(found: MoonshineSource, order: Order, place: Workplace) -> Path:
    graph = build(found.weights, found.shape, _options(found, order))
    return model_files.write(graph, place.folder, place.largest_bytes)


def apart(found: MoonshineSource, order: Order) -> Apart:
    """The same in the graphs that are driven token by token."""
    return in_graphs.build(found.weights, found.shape, _options(found, order))


def describe(found: MoonshineSource, order: Order, path: Path) -> Recogniser:
    """Measures the written graph first; a bad one raises."""
    parity = measure(path, found)
    facts = {"family": "moonshine", "shape": asdict(found.shape), "options": vars(_options(found, order))}
    rounding = {"highest_weight": HIGHEST_WEIGHT} if order.precision == "int8" else {}
    weights = identity(found.weights, {**facts, **rounding})
    return Recogniser(
        family="moonshine",
        identity=weights,
        provenance=order.provenance(weights, parity),
        languages=found.languages,
        tasks=list(TASKS if found.languages == list(LANGUAGES) else TASKS[:1]),
        tokens=found.tokens,
        tokenizer=found.tokenizer,
        max_tokens=found.shape.target_positions,
        piece_seconds=PIECE_SECONDS,
        alignment="attention",
        word_offset_seconds=WORD_OFFSET_SECONDS,
        frame_seconds=FRAME_SECONDS,
        first_frame_seconds=FIRST_FRAME_SECONDS,
        guards=GUARDS,
        voice_activity="vad",
    )


def _options(found: MoonshineSource, order: Order) -> GraphOptions:
    tokens = found.tokens
    assert tokens.start is not None
    assert tokens.end is not None
    return GraphOptions(
        start=tokens.start, end=tokens.end, suppressed=tuple(found.suppressed), precision=order.precision
    )
