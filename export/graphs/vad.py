"""Silero VAD as one batched graph: any number of streams, each with its own number of windows, state in and out.

The published model takes one window a call and a scalar sample rate, which Triton refuses, and puts the batch on
axis 1 of its state. Here its weights are assembled anew: convolutions over batch x windows, one LSTM over the windows.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph, identity

WINDOW_SAMPLES, CONTEXT_SAMPLES, STATE_SIZE = 512, 64, 128
FRONT_END = {
    "window_samples": WINDOW_SAMPLES,
    "context_samples": CONTEXT_SAMPLES,
    "stft_hop_samples": 128,
    "stft_reflected_samples": 64,
    "full_scale": 32768,
}
ENCODER_STRIDES = (1, 2, 2, 1)
Weights = dict[str, NDArray[Any]]


def load(path: Path) -> Weights:
    """The arrays of the published whole-file graph; its LSTM's are known only by their place in the node."""
    graph = onnx.load(path).graph
    weights = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    lstm = next(node for node in graph.node if node.op_type == "LSTM")
    for name, key in zip(("input", "recurrent", "bias"), lstm.input[1:4], strict=True):
        weights[f"lstm.{name}"] = weights.pop(key)
    return weights


def build(path: Path) -> tuple[onnx.ModelProto, str]:
    """The graph without its manifest, and the identity of the weights."""
    weights = load(path)
    graph = Graph("silero_vad_batched")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    requested = graph.input("WINDOWS", INT32, ["batch", 1])
    context = graph.input("CONTEXT", FLOAT, ["batch", CONTEXT_SAMPLES])
    state = graph.input("STATE", FLOAT, ["batch", 2, STATE_SIZE])

    windows = _windows(graph, audio)
    available = graph.size(windows, 1)
    used = _clamped(graph, requested, available)
    contexts = _contexts(graph, context, windows)
    features = _features(graph, weights, windows, contexts)
    hidden, next_state = _recurrence(graph, weights, features, (used, state))
    probability = _probability(graph, weights, hidden, (used, available))
    index = graph.call("Cast", used, to=INT64)
    next_context = graph.call("GatherND", contexts, index, batch_dims=1)

    graph.output("PROBABILITY", probability, FLOAT, ["batch", "windows"])
    graph.output("NEXT_CONTEXT", next_context, FLOAT, ["batch", CONTEXT_SAMPLES])
    graph.output("NEXT_STATE", next_state, FLOAT, ["batch", 2, STATE_SIZE])
    return graph.model(), identity(weights, FRONT_END)


def _windows(graph: Graph, audio: str) -> str:
    samples = graph.call("Mul", graph.call("Cast", audio, to=FLOAT), graph.floats(1 / FRONT_END["full_scale"]))
    return graph.call("Reshape", samples, graph.ints(0, -1, WINDOW_SAMPLES))


def _clamped(graph: Graph, requested: str, available: str) -> str:
    """WINDOWS within what the row holds, so that one bad row cannot fail the batch. An LSTM loses its state over 0."""
    at_most = graph.call("Min", requested, graph.call("Cast", available, to=INT32))
    return graph.call("Max", at_most, graph.constant([1], np.int32))


def _contexts(graph: Graph, context: str, windows: str) -> str:
    """The samples before each window and, last, those before the window that is still to come: [batch, W + 1, 64]."""
    tail = (graph.ints(WINDOW_SAMPLES - CONTEXT_SAMPLES), graph.ints(WINDOW_SAMPLES), graph.ints(2))
    tails = graph.call("Slice", windows, *tail)
    return graph.call("Concat", graph.call("Unsqueeze", context, graph.ints(1)), tails, axis=1)


def _features(graph: Graph, weights: Weights, windows: str, contexts: str) -> str:
    """Spectrum and convolutions over every window of every row at once: [batch, W, 128]."""
    before = graph.call("Slice", contexts, graph.ints(0), graph.ints(-1), graph.ints(1))
    framed = graph.call("Concat", before, windows, axis=2)
    flat = graph.call("Reshape", framed, graph.ints(-1, 1, CONTEXT_SAMPLES + WINDOW_SAMPLES))
    mirror = graph.ints(0, 0, 0, 0, 0, FRONT_END["stft_reflected_samples"])
    padded = graph.call("Pad", flat, mirror, mode="reflect")
    basis = graph.floats(weights["stft.forward_basis_buffer"])
    spectrum = graph.call("Conv", padded, basis, strides=[FRONT_END["stft_hop_samples"]])
    parts = graph.call_many("Split", spectrum, results=2, axis=1)
    real, imaginary = (graph.call("Mul", part, part) for part in parts)
    value = graph.call("Sqrt", graph.call("Add", real, imaginary))
    for layer, stride in enumerate(ENCODER_STRIDES):
        kernel, bias = (graph.floats(weights[f"encoder.{layer}.{part}"]) for part in ("weight", "bias"))
        value = graph.call("Relu", graph.call("Conv", value, kernel, bias, strides=[stride], pads=[1, 1]))
    shape = graph.call("Concat", graph.call("Shape", windows, end=2), graph.ints(STATE_SIZE), axis=0)
    return graph.call("Reshape", value, shape)


def _recurrence(graph: Graph, weights: Weights, features: str, row: tuple[str, str]) -> tuple[str, str]:
    """(outputs [W, batch, 128], state after each row's own last window [batch, 2, 128])."""
    used, state = row
    sequence = graph.call("Transpose", features, perm=[1, 0, 2])
    hidden, cell = graph.call_many("Split", graph.call("Transpose", state, perm=[1, 0, 2]), results=2, axis=0)
    arrays = [graph.floats(weights[f"lstm.{name}"]) for name in ("input", "recurrent", "bias")]
    lengths = graph.call("Squeeze", used, graph.ints(1))
    outputs, hidden, cell = graph.call_many(
        "LSTM", sequence, *arrays, lengths, hidden, cell, results=3, hidden_size=STATE_SIZE
    )
    following = graph.call("Transpose", graph.call("Concat", hidden, cell, axis=0), perm=[1, 0, 2])
    return graph.call("Squeeze", outputs, graph.ints(1)), following


def _probability(graph: Graph, weights: Weights, hidden: str, counts: tuple[str, str]) -> str:
    """Speech probability of each window, 0 where the row has no such window: [batch, W]."""
    used, available = counts
    matrix = graph.floats(weights["output.weight"].reshape(STATE_SIZE, 1))
    logit = graph.call(
        "Add", graph.call("MatMul", graph.call("Relu", hidden), matrix), graph.floats(weights["output.bias"])
    )
    column = graph.call("Squeeze", graph.call("Sigmoid", logit), graph.ints(2))
    index = graph.call("Cast", graph.count(available), to=INT32)
    return graph.call(
        "Where", graph.call("Less", index, used), graph.call("Transpose", column, perm=[1, 0]), graph.floats(0)
    )
