"""Silero VAD as one batched graph: any number of streams, each with its own number of windows, state in and out.

The published model takes one window a call and a scalar sample rate, which Triton refuses, and puts the batch on
axis 1 of its state. Here its weights are assembled anew. What does not depend on the window before is computed for all
real windows of all rows at once, as rows of a few large matrix products: as convolutions over the four frames of a
window they would be small ones, four times as slow. Only the LSTM goes from window to window.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.failure import ExportError
from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph, identity

WINDOW_SAMPLES, CONTEXT_SAMPLES, STATE_SIZE = 512, 64, 128
FRONT_END = {
    "window_samples": WINDOW_SAMPLES,
    "context_samples": CONTEXT_SAMPLES,
    "stft_hop_samples": 128,
    "stft_reflected_samples": 64,
    "full_scale": 32768,
}
HOP_SAMPLES, REFLECTED_SAMPLES = FRONT_END["stft_hop_samples"], FRONT_END["stft_reflected_samples"]
FRAME_SAMPLES = 2 * HOP_SAMPLES
FRAMES = 4  # of a window
EVEN, ODD = np.arange(0, HOP_SAMPLES + 1, 2), np.arange(1, HOP_SAMPLES, 2)  # frequencies
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
    _check_basis(weights["stft.forward_basis_buffer"])
    graph = Graph("silero_vad_batched")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    requested = graph.input("WINDOWS", INT32, ["batch", 1])
    context = graph.input("CONTEXT", FLOAT, ["batch", CONTEXT_SAMPLES])
    state = graph.input("STATE", FLOAT, ["batch", 2, STATE_SIZE])

    windows = graph.call("Reshape", graph.call("Cast", audio, to=FLOAT), graph.ints(0, -1, WINDOW_SAMPLES))
    available = graph.call("Cast", graph.call("Squeeze", graph.size(windows, 1)), to=INT32)
    # Within what the row holds, so that one bad row cannot fail the batch. An LSTM loses its state over 0.
    used = graph.call("Clip", requested, graph.constant(1, np.int32), available)
    index = graph.call("Range", graph.constant(0, np.int32), available, graph.constant(1, np.int32))
    real = graph.call("Less", index, used)
    contexts = _contexts(graph, context, windows)
    features = _encoder(graph, weights, _spectrum(graph, _framed(graph, windows, contexts, real)))
    sequence = graph.call("Gather", features, _places(graph, used, index), axis=0)
    hidden, next_state = _recurrence(graph, weights, sequence, (used, state))
    last = graph.call("GatherND", contexts, graph.call("Cast", used, to=INT64), batch_dims=1)
    next_context = graph.call("Mul", last, graph.floats(1 / FRONT_END["full_scale"]))

    graph.output("PROBABILITY", _probability(graph, weights, hidden, real), FLOAT, ["batch", "windows"])
    graph.output("NEXT_CONTEXT", next_context, FLOAT, ["batch", CONTEXT_SAMPLES])
    graph.output("NEXT_STATE", next_state, FLOAT, ["batch", 2, STATE_SIZE])
    return graph.model(), identity(weights, FRONT_END)


def _check_basis(basis: NDArray[Any]) -> None:
    """What _spectrum computes must be what the published basis would: a Hann window's Fourier transform."""
    time, frequencies = np.arange(FRAME_SAMPLES), np.arange(HOP_SAMPLES + 1)
    expected = np.concatenate(_fourier(time, frequencies)) * _hann(time)
    if basis.shape != (len(expected), 1, FRAME_SAMPLES) or np.abs(basis[:, 0] - expected).max() > 1e-6:
        raise ExportError("the basis of the spectrum is not the one that this graph is written for")


def _hann(time: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * time / FRAME_SAMPLES))


def _fourier(time: NDArray[Any], frequencies: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Real and imaginary parts, [frequencies, time]. The product is reduced first: a large angle loses digits."""
    angle = 2 * np.pi / FRAME_SAMPLES * (frequencies[:, None] * time % FRAME_SAMPLES)
    return np.cos(angle), -np.sin(angle)


def _contexts(graph: Graph, context: str, windows: str) -> str:
    """The samples before each window and, last, those before the window that is still to come: [batch, W + 1, 64]."""
    scaled = graph.call("Mul", context, graph.floats(FRONT_END["full_scale"]))
    tail = (graph.ints(WINDOW_SAMPLES - CONTEXT_SAMPLES), graph.ints(WINDOW_SAMPLES), graph.ints(2))
    tails = graph.call("Slice", windows, *tail)
    return graph.call("Concat", graph.call("Unsqueeze", scaled, graph.ints(1)), tails, axis=1)


def _framed(graph: Graph, windows: str, contexts: str, real: str) -> str:
    """The real windows only, each between its context and its own mirrored end, in hops: [windows, 5, 128]."""
    before = graph.call("Slice", contexts, graph.ints(0), graph.ints(-1), graph.ints(1))
    end = WINDOW_SAMPLES - 2
    mirror = (graph.ints(end), graph.ints(end - REFLECTED_SAMPLES), graph.ints(2), graph.ints(-1))
    whole = graph.call("Concat", before, windows, graph.call("Slice", windows, *mirror), axis=2)
    hops = graph.call("Reshape", whole, graph.ints(-1, FRAMES + 1, HOP_SAMPLES))
    return graph.call("Compress", hops, graph.call("Reshape", real, graph.ints(-1)), axis=0)


def _spectrum(graph: Graph, hops: str) -> str:
    """Magnitudes, first of the even frequencies, then of the odd ones: [windows, 4, 129].

    The halves of a frame are added for the even and subtracted for the odd: half the products of a whole frame's.
    """
    time = np.arange(HOP_SAMPLES)
    rising, falling = (_hann(time + start) / FRONT_END["full_scale"] for start in (0, HOP_SAMPLES))
    halves = []
    for first, window in enumerate((rising, falling)):
        half = graph.call("Slice", hops, graph.ints(first), graph.ints(first + FRAMES), graph.ints(1))
        halves.append(graph.call("Mul", half, graph.floats(window)))
    powers = []
    for operator, frequencies in (("Add", EVEN), ("Sub", ODD)):
        transform = graph.floats(np.concatenate(_fourier(time, frequencies)).T)
        parts = graph.call("MatMul", graph.call(operator, *halves), transform)
        squares = graph.call_many("Split", graph.call("Mul", parts, parts), results=2, axis=2)
        powers.append(graph.call("Add", *squares))
    return graph.call("Sqrt", graph.call("Concat", *powers, axis=2))


def _encoder(graph: Graph, weights: Weights, magnitude: str) -> str:
    """Four convolutions over frames: [windows, 128]."""
    kernel = weights["encoder.0.weight"][:, np.concatenate([EVEN, ODD])]
    channels, bins, taps = kernel.shape
    padded = graph.call("Pad", magnitude, graph.ints(0, 1, 0, 0, 1, 0))
    neighbours = graph.constant(np.arange(FRAMES)[:, None] + np.arange(taps), np.int64)
    columns = graph.call("Reshape", graph.call("Gather", padded, neighbours, axis=1), graph.ints(-1, taps * bins))
    matrix = kernel.transpose(2, 1, 0).reshape(taps * bins, channels)
    value = _layer(graph, columns, matrix, weights["encoder.0.bias"])
    value = graph.call("Reshape", value, graph.ints(-1, FRAMES * channels))
    frames = FRAMES
    for layer, stride in enumerate(ENCODER_STRIDES[1:], 1):
        matrix = _unrolled(weights[f"encoder.{layer}.weight"], frames, stride)
        frames = _strided(frames, stride)
        value = _layer(graph, value, matrix, np.tile(weights[f"encoder.{layer}.bias"], frames))
    return value


def _layer(graph: Graph, value: str, matrix: NDArray[Any], bias: NDArray[Any]) -> str:
    return graph.call("Relu", graph.call("Gemm", value, graph.floats(matrix), graph.floats(bias)))


def _unrolled(kernel: NDArray[Any], frames: int, stride: int) -> NDArray[Any]:
    """A convolution over so few frames as one matrix: [frames * channels, frames out * channels out]."""
    channels_out, channels, taps = kernel.shape
    frames_out = _strided(frames, stride)
    matrix = np.zeros((frames, channels, frames_out, channels_out), kernel.dtype)
    for frame_out, tap in np.ndindex(frames_out, taps):
        frame = frame_out * stride + tap - 1
        if 0 <= frame < frames:
            matrix[frame, :, frame_out] = kernel[:, :, tap].T
    return matrix.reshape(frames * channels, frames_out * channels_out)


def _strided(frames: int, stride: int) -> int:
    return (frames - 1) // stride + 1


def _places(graph: Graph, used: str, index: str) -> str:
    """Where among the real windows of all rows each row's are; beyond its last it stays there: [W, batch]."""
    ends = graph.call("CumSum", used, graph.constant(0, np.int32))
    left = graph.call("Max", graph.call("Sub", used, index), graph.constant([1], np.int32))
    return graph.call("Transpose", graph.call("Sub", ends, left), perm=[1, 0])


def _recurrence(graph: Graph, weights: Weights, sequence: str, row: tuple[str, str]) -> tuple[str, str]:
    """(outputs [W, 1, batch, 128], state after each row's own last window [batch, 2, 128])."""
    used, state = row
    hidden, cell = graph.call_many("Split", graph.call("Transpose", state, perm=[1, 0, 2]), results=2, axis=0)
    arrays = [graph.floats(weights[f"lstm.{name}"]) for name in ("input", "recurrent", "bias")]
    lengths = graph.call("Squeeze", used, graph.ints(1))
    outputs, hidden, cell = graph.call_many(
        "LSTM", sequence, *arrays, lengths, hidden, cell, results=3, hidden_size=STATE_SIZE
    )
    following = graph.call("Transpose", graph.call("Concat", hidden, cell, axis=0), perm=[1, 0, 2])
    return outputs, following


def _probability(graph: Graph, weights: Weights, hidden: str, real: str) -> str:
    """Speech probability of each window, 0 where the row has no such window: [batch, W]."""
    matrix = graph.floats(weights["output.weight"].reshape(STATE_SIZE, 1))
    product = graph.call("MatMul", graph.call("Relu", hidden), matrix)
    logit = graph.call("Add", product, graph.floats(weights["output.bias"]))
    column = graph.call("Squeeze", graph.call("Sigmoid", logit), graph.ints(1, 3))
    return graph.call("Where", real, graph.call("Transpose", column, perm=[1, 0]), graph.floats(0))
