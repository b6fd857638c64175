"""Resemblyzer's GE2E speaker encoder as one graph from samples to embedding, assembled from the checkpoint's arrays.

Volume is raised to -30 dBFS, never lowered; power mel of 40 bands; windows of 1.6 s at 1.3 a second, the last one only
if audio covers three quarters of it; the embeddings of the windows are averaged. The original's trimming of silence is
left to the caller, who has a better voice activity detector than the one it used.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graphs.building import FLOAT, HALF, INT16, INT32, INT64, Graph, identity
from export.graphs.mel import filters
from export.graphs.sequence.options import Precision
from export.sources.legacy_checkpoint import read_arrays

SAMPLE_RATE = 16_000
FRAME_SAMPLES, HOP_SAMPLES, MEL_BANDS = 400, 160, 40
WINDOW_FRAMES, STEP_FRAMES = 160, 77
WINDOW_SAMPLES, STEP_SAMPLES = WINDOW_FRAMES * HOP_SAMPLES, STEP_FRAMES * HOP_SAMPLES
LEAST_COVERED_SAMPLES = WINDOW_SAMPLES * 3 // 4
TARGET_RMS = 10 ** (-30 / 20)
LAYERS, HIDDEN_SIZE = 3, 256
# Far below one step of INT16 in a minute of silence; keeps digital silence from dividing by zero.
LEAST_MEAN_SQUARE, LEAST_NORM = 1e-18, 1e-12
FRONT_END = {
    "frame_samples": FRAME_SAMPLES,
    "hop_samples": HOP_SAMPLES,
    "mel_bands": MEL_BANDS,
    "window_frames": WINDOW_FRAMES,
    "step_frames": STEP_FRAMES,
    "least_covered_samples": LEAST_COVERED_SAMPLES,
    "target_rms": TARGET_RMS,
    "full_scale": 32768,
}
Weights = dict[str, NDArray[Any]]


def load(path: Path) -> Weights:
    """The encoder's arrays by their names in the original; what only its training used is left out."""
    arrays = read_arrays(path, "model_state")
    return {name: array for name, array in arrays.items() if name.startswith(("lstm.", "linear."))}


def build(path: Path, precision: Precision = "fp32") -> tuple[onnx.ModelProto, str]:
    """The graph without its manifest, and the identity of the weights: in fp16 the same, for templates stay good."""
    weights = load(path)
    graph = Graph("ge2e_speaker_embedding")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    requested = graph.input("LENGTH", INT32, ["batch", 1])

    length = _clamped(graph, requested, graph.size(audio, 1))
    mel = _mel(graph, _loud_enough(graph, audio, length))
    count = _window_count(graph, length)
    most = graph.call("ReduceMax", count, axes=[0, 1], keepdims=0)
    index = graph.count(graph.call("Unsqueeze", most, graph.ints(0)))
    embeddings = _encode(graph, weights, _cut(graph, mel, index), precision)
    rows = graph.call("Concat", graph.size(audio, 0), graph.ints(-1, HIDDEN_SIZE), axis=0)
    by_row = graph.call("Reshape", embeddings, rows)
    used = graph.call("Unsqueeze", graph.call("Less", index, count), graph.ints(2))
    total = graph.call("ReduceSum", graph.call("Where", used, by_row, graph.floats(0)), graph.ints(1), keepdims=0)

    graph.output("EMBEDDING", _normalised(graph, total), FLOAT, ["batch", HIDDEN_SIZE])
    return graph.model(), identity(weights, FRONT_END)


def _clamped(graph: Graph, requested: str, available: str) -> str:
    """LENGTH within what the row holds, so that one bad row cannot fail the batch: INT64 [batch, 1]."""
    at_most = graph.call("Min", graph.call("Cast", requested, to=INT64), available)
    return graph.call("Max", at_most, graph.ints(1))


def _loud_enough(graph: Graph, audio: str, length: str) -> str:
    """Samples in -1..1 without what lies beyond LENGTH, raised to the target volume if below it."""
    samples = graph.call("Mul", graph.call("Cast", audio, to=FLOAT), graph.floats(1 / FRONT_END["full_scale"]))
    real = graph.call("Less", graph.count(graph.size(audio, 1)), length)
    samples = graph.call("Where", real, samples, graph.floats(0))
    energy = graph.call("ReduceSum", graph.call("Mul", samples, samples), graph.ints(1), keepdims=1)
    mean_square = graph.call("Div", energy, graph.call("Cast", length, to=FLOAT))
    level = graph.call("Sqrt", graph.call("Max", mean_square, graph.floats(LEAST_MEAN_SQUARE)))
    gain = graph.call("Max", graph.call("Div", graph.floats(TARGET_RMS), level), graph.floats(1))
    return graph.call("Mul", samples, gain)


def _mel(graph: Graph, samples: str) -> str:
    """Power mel of frames centred on each hop, and of one window of silence beyond the end: [batch, frames, 40]."""
    half = FRAME_SAMPLES // 2
    padded = graph.call("Pad", samples, graph.ints(0, half, 0, half + WINDOW_SAMPLES))
    spectrum = graph.call(
        "Conv", graph.call("Unsqueeze", padded, graph.ints(1)), graph.floats(_fourier()), strides=[HOP_SAMPLES]
    )
    parts = graph.call_many("Split", spectrum, results=2, axis=1)
    real, imaginary = (graph.call("Mul", part, part) for part in parts)
    bank = graph.floats(filters(MEL_BANDS, FRAME_SAMPLES, SAMPLE_RATE))
    bands = graph.call("MatMul", bank, graph.call("Add", real, imaginary))
    return graph.call("Transpose", bands, perm=[0, 2, 1])


def _fourier() -> NDArray[np.float64]:
    """A periodic Hann window times cosines, then sines: a convolution with it is a short-time Fourier transform."""
    time = np.arange(FRAME_SAMPLES)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / FRAME_SAMPLES)
    # The product is reduced first: the cosine of a large angle loses digits.
    angle = 2 * np.pi / FRAME_SAMPLES * (np.arange(FRAME_SAMPLES // 2 + 1)[:, None] * time % FRAME_SAMPLES)
    return np.asarray(np.concatenate([np.cos(angle) * window, np.sin(angle) * window])[:, None])


def _window_count(graph: Graph, length: str) -> str:
    """How many windows each row has, at least one: INT64 [batch, 1]."""
    whole_hops = graph.call("Div", length, graph.ints(HOP_SAMPLES))
    starts = graph.call(
        "Max", graph.call("Add", whole_hops, graph.ints(STEP_FRAMES + 2 - WINDOW_FRAMES)), graph.ints(1)
    )
    count = graph.call("Div", graph.call("Add", starts, graph.ints(STEP_FRAMES - 1)), graph.ints(STEP_FRAMES))
    before_last = graph.call("Sub", count, graph.ints(1))
    covered = graph.call("Sub", length, graph.call("Mul", before_last, graph.ints(STEP_SAMPLES)))
    too_short = graph.call("Less", covered, graph.ints(LEAST_COVERED_SAMPLES))
    return graph.call("Where", too_short, graph.call("Max", before_last, graph.ints(1)), count)


def _cut(graph: Graph, mel: str, index: str) -> str:
    """The windows of all rows as sequences side by side: [160 frames, batch * windows, 40]."""
    starts = graph.call("Unsqueeze", graph.call("Mul", index, graph.ints(STEP_FRAMES)), graph.ints(1))
    frames = graph.call("Add", starts, graph.ints(*range(WINDOW_FRAMES)))
    windows = graph.call("Gather", mel, frames, axis=1)
    flat = graph.call("Reshape", windows, graph.ints(-1, WINDOW_FRAMES, MEL_BANDS))
    return graph.call("Transpose", flat, perm=[1, 0, 2])


def _encode(graph: Graph, weights: Weights, sequence: str, precision: Precision) -> str:
    """One normalised embedding a window: FP32 [batch * windows, 256]. The mel before it is exact in any precision."""
    half = precision == "fp16"
    kind = np.float16 if half else np.float32
    sequence = graph.call("Cast", sequence, to=HALF) if half else sequence
    for layer in range(LAYERS):
        recurrent = [_gates(weights[f"lstm.weight_{part}_l{layer}"])[None] for part in ("ih", "hh")]
        bias = np.concatenate([_gates(weights[f"lstm.bias_{part}_l{layer}"]) for part in ("ih", "hh")])[None]
        arrays = [graph.constant(array, kind) for array in (*recurrent, bias)]
        outputs, last, _ = graph.call_many("LSTM", sequence, *arrays, results=3, hidden_size=HIDDEN_SIZE)
        sequence = graph.call("Squeeze", outputs, graph.ints(1))
    matrix, bias = (graph.constant(array, kind) for array in (weights["linear.weight"].T, weights["linear.bias"]))
    projected = graph.call("Gemm", graph.call("Squeeze", last, graph.ints(0)), matrix, bias)
    projected = graph.call("Cast", projected, to=FLOAT) if half else projected
    return _normalised(graph, graph.call("Relu", projected))


def _gates(array: NDArray[Any]) -> NDArray[Any]:
    """PyTorch stacks the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    received, forget, cell, output = np.split(array, 4)
    return np.concatenate([received, output, forget, cell])


def _normalised(graph: Graph, vectors: str) -> str:
    norm = graph.call("ReduceL2", vectors, axes=[1], keepdims=1)
    return graph.call("Div", vectors, graph.call("Max", norm, graph.floats(LEAST_NORM)))
