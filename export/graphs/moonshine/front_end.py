"""From samples to frames of 24 ms by three convolutions, each row's of its own LENGTH alone.

The convolutions are not padded, so that a frame within a row sees samples of the row only. The norm between them looks
at all of a row at once: it is taken over the places that a row has.
"""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import DOUBLE, FLOAT, INT32, INT64, Graph
from export.graphs.moonshine.shape import FIRST_FRAME_SAMPLES, FRAME_SAMPLES, KERNELS, STRIDES, Shape
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.places import GROUP, whole_groups

FULL_SCALE = 32768
EPSILON = 1e-5
# Of 64 places and fewer ONNX Runtime's convolutions add up in another order.
LEAST_FRAMES = 65
# So many samples more than whole frames make the last frame computed and the places before it that the norm counts.
SURPLUS_SAMPLES = 832
SPARE_SAMPLES = SURPLUS_SAMPLES + (LEAST_FRAMES + GROUP) * FRAME_SAMPLES
AUDIO_PLACES = 2  # axis of [batch, channels, places]


@dataclass(frozen=True)
class Extent:
    """How much of the batch is real."""

    samples: str  # of each row, INT64 [batch, 1]; no fewer than make one frame
    frames: str  # of each row, [batch, 1]
    longest: str  # of all rows, [1]
    computed: str  # the same in whole groups, [1]
    mask: str  # 1 for each frame that is real, INT32 [batch, computed]


def extent(graph: Graph, audio: str, requested: str, shape: Shape, roomy: bool = False) -> tuple[str, Extent]:
    """(real samples of each row [batch, 1], what comes of them); a wrong LENGTH counts as the nearest right one.

    `roomy`: computed is what AUDIO has room for, not what the longest row needs.
    """
    available = graph.call("Min", graph.size(audio, 1), graph.ints(shape.max_samples))
    length = graph.call("Max", graph.call("Cast", requested, to=INT64), graph.ints(0))
    length = graph.call("Min", length, available)
    samples, frames = _frames(graph, length)
    if roomy:
        _samples_there, longest = _frames(graph, available)
    else:
        longest = graph.call("Unsqueeze", graph.call("ReduceMax", frames, keepdims=0), graph.ints(0))
    computed = whole_groups(graph, graph.call("Max", longest, graph.ints(LEAST_FRAMES)))
    mask = graph.call("Cast", graph.call("Less", graph.count(computed), frames), to=INT32)
    return length, Extent(samples, frames, longest, computed, mask)


def _frames(graph: Graph, length: str) -> tuple[str, str]:
    """Samples, no fewer than make a frame, and how many frames they make."""
    samples = graph.call("Max", length, graph.ints(FIRST_FRAME_SAMPLES))
    frames = samples
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        frames = _places(graph, frames, kernel, stride)
    return samples, frames


def convolve(layers: Layers, audio: str, length: str, real: Extent) -> str:
    """[batch, computed frames, width]"""
    graph = layers.graph
    waves = graph.call("Unsqueeze", _samples(graph, audio, length, real), graph.ints(1))
    # Single precision up to the norm whatever the layers have: it adds up millions of squares.
    kernel = graph.floats(layers.weights["model.encoder.conv1.weight"])
    value = graph.call("Tanh", graph.call("Conv", waves, kernel, strides=[STRIDES[0]]))
    value = _normed(layers, value, _places(graph, real.samples, KERNELS[0], STRIDES[0]))
    value = graph.call("Cast", value, to=layers.element_type)
    for name, stride in (("conv2", STRIDES[1]), ("conv3", STRIDES[2])):
        parts = [layers.array(layers.weights[f"model.encoder.{name}.{part}"]) for part in ("weight", "bias")]
        value = layers.gelu(graph.call("Conv", value, *parts, strides=[stride]))
    return graph.call("Transpose", value, perm=[0, 2, 1])


def _places(graph: Graph, before: str, kernel: int, stride: int) -> str:
    """How many places a convolution makes of so many."""
    steps = graph.call("Div", graph.call("Sub", before, graph.ints(kernel)), graph.ints(stride))
    return graph.call("Add", steps, graph.ints(1))


def _samples(graph: Graph, audio: str, length: str, real: Extent) -> str:
    """FP32 within -1 to 1; 0 beyond a row's end."""
    wanted = graph.call("Add", graph.call("Mul", real.computed, graph.ints(FRAME_SAMPLES)), graph.ints(SURPLUS_SAMPLES))
    # There is no Pad for INT16 in ONNX Runtime.
    samples = graph.call("Mul", graph.call("Cast", audio, to=FLOAT), graph.floats(1 / FULL_SCALE))
    samples = graph.call("Pad", samples, graph.ints(0, 0, 0, SPARE_SAMPLES))
    samples = graph.call("Slice", samples, graph.ints(0), wanted, graph.ints(1))
    return graph.call("Where", graph.call("Less", graph.count(wanted), length), samples, graph.floats(0.0))


def _normed(layers: Layers, value: str, places: str) -> str:
    """One group of all channels, over a row's own places."""
    graph = layers.graph
    inside = graph.call("Less", graph.count(graph.size(value, AUDIO_PLACES)), places)
    own = graph.call("Mul", value, graph.call("Unsqueeze", graph.call("Cast", inside, to=FLOAT), graph.ints(1)))
    count = graph.call("Mul", graph.call("Cast", places, to=DOUBLE), graph.constant(layers.width, np.float64))
    count = graph.call("Unsqueeze", count, graph.ints(2))
    mean, squares = (_mean(graph, each, count) for each in (own, graph.call("Mul", own, own)))
    variance = graph.call("Sub", squares, graph.call("Mul", mean, mean))
    deviation = graph.call("Sqrt", graph.call("Add", variance, graph.constant(EPSILON, np.float64)))
    mean, deviation = (graph.call("Cast", each, to=FLOAT) for each in (mean, deviation))
    scale, shift = (
        graph.floats(np.reshape(layers.weights[f"model.encoder.groupnorm.{part}"], (1, -1, 1)))
        for part in ("weight", "bias")
    )
    normal = graph.call("Div", graph.call("Sub", value, mean), deviation)
    return graph.call("Add", graph.call("Mul", normal, scale), shift)


def _mean(graph: Graph, value: str, count: str) -> str:
    """In double precision: rounded afterwards, the order of the sum is nothing that a row could tell."""
    total = graph.call("ReduceSum", graph.call("Cast", value, to=DOUBLE), graph.ints(1, AUDIO_PLACES), keepdims=1)
    return graph.call("Div", total, count)
