"""wav2vec2's family: a class for every frame, one language a version."""

from pathlib import Path

from export.graphs import model_files
from export.graphs.building import identity
from export.graphs.ctc.graph import build
from export.parity.originals.wav2vec2 import measure
from export.publishing.asr_version import GUARDS, SAMPLE_RATE, Recogniser
from export.publishing.families.order import Order, Workplace
from export.sources import wav2vec2 as source
from export.sources.wav2vec2 import CtcSource

GRAPH = "ctc"
LETTERS_PER_SECOND = 40.0


def read(order: Order) -> CtcSource:
    return source.read(order.checkpoint, order.languages)


def write(found: CtcSource, order: Order, place: Workplace) -> Path:
    return model_files.write(build(found.weights, found.shape, order.precision), place.folder, place.largest_bytes)


def describe(found: CtcSource, order: Order, path: Path) -> Recogniser:
    """Measures the written graph first; a bad one raises."""
    parity = measure(path, found)
    weights = identity(found.weights, {"family": "ctc", "shape": repr(found.shape), "precision": order.precision})
    return Recogniser(
        family="ctc",
        identity=weights,
        provenance=order.provenance(weights, parity),
        languages=found.languages,
        tasks=["transcribe"],
        tokens=found.tokens,
        tokenizer=found.tokenizer.to_str(),
        max_tokens=0,
        wants_padding=bool(order.padding),
        alignment="ctc",
        ctc=found.ctc,
        frame_seconds=found.shape.frame_samples / SAMPLE_RATE,
        guards={**GUARDS, "tokens_per_second": LETTERS_PER_SECOND},
    )
