"""Log-mel features as Whisper computes them, in a graph: each row's are those of its own LENGTH alone.

A short-time Fourier transform is a multiplication with a matrix of windowed cosines and sines, and a frame of 400
samples every 160 is two and a half chunks of 160, so the frames are the chunks beside themselves, shifted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.graphs.building import FLOAT, INT64, Graph
from export.graphs.mel import filters
from export.graphs.sequence.places import GROUP, whole_groups, within
from export.graphs.whisper.shape import FRAME_SAMPLES, HOP_SAMPLES, SAMPLE_RATE, Shape

WINDOW_SAMPLES = 400
HALF_WINDOW_SAMPLES = WINDOW_SAMPLES // 2
SPARE_CHUNKS = 4  # behind the last frame: its window, and the reflected end of the longest row
SPARE_SAMPLES = (1 + SPARE_CHUNKS) * HOP_SAMPLES + (GROUP - 1) * FRAME_SAMPLES
FULL_SCALE = 32768
LEAST_POWER, RANGE_DECADES = 1e-10, 8.0


@dataclass(frozen=True)
class Extent:
    """How much of the batch is real: each row's mel frames [batch, 1], and the encoder frames of the longest row."""

    mel_frames: str
    frames: str  # of each row, [batch, 1]
    longest: str  # of all rows, [1]
    computed: str  # the same in whole groups, [1]


def extent(graph: Graph, audio: str, requested: str, shape: Shape, roomy: bool = False) -> tuple[str, Extent]:
    """(samples of each row as INT64 [batch, 1], what comes of them); a wrong LENGTH counts as the nearest right one.

    `roomy`: computed is what AUDIO has room for, not what the longest row needs.
    """
    available = graph.call("Min", graph.size(audio, 1), graph.ints(shape.max_samples))
    length = graph.call("Max", graph.call("Cast", requested, to=INT64), graph.ints(0))
    length = graph.call("Min", length, available)
    mel_frames, frames = _frames(graph, length)
    if roomy:
        _mel, longest = _frames(graph, available)
    else:
        longest = graph.call("Unsqueeze", graph.call("ReduceMax", frames, keepdims=0), graph.ints(0))
    computed = graph.call("Min", whole_groups(graph, longest), graph.ints(shape.source_positions))
    return length, Extent(mel_frames, frames, longest, computed)


def _frames(graph: Graph, samples: str) -> tuple[str, str]:
    """Of mel and of the encoder."""
    mel_frames = graph.call("Max", graph.call("Div", samples, graph.ints(HOP_SAMPLES)), graph.ints(1))
    ratio = FRAME_SAMPLES // HOP_SAMPLES
    return mel_frames, graph.call("Div", graph.call("Add", mel_frames, graph.ints(ratio - 1)), graph.ints(ratio))


def log_mel(graph: Graph, audio: str, length: str, real: Extent, mels: int) -> str:
    """[batch, 2 * computed, mels]; 0 beyond a row's end."""
    frames = graph.call("Mul", real.computed, graph.ints(2))
    windows = _windows(graph, _reflected(graph, audio, length, frames), frames)
    spectrum = graph.call("MatMul", windows, graph.floats(_fourier()))
    parts = graph.call_many("Split", spectrum, results=2, axis=2)
    cosine, sine = (graph.call("Mul", part, part) for part in parts)
    bank = graph.floats(filters(mels, WINDOW_SAMPLES, SAMPLE_RATE).T)
    power = graph.call("MatMul", graph.call("Add", cosine, sine), bank)
    logarithm = graph.call("Log", graph.call("Max", power, graph.floats(LEAST_POWER)))
    decades = graph.call("Mul", logarithm, graph.floats(1 / np.log(10)))
    inside = within(graph, frames, real.mel_frames)
    lowest = graph.floats(np.log10(LEAST_POWER))
    loudest = graph.call("ReduceMax", graph.call("Where", inside, decades, lowest), axes=[1, 2], keepdims=1)
    raised = graph.call("Max", decades, graph.call("Sub", loudest, graph.floats(RANGE_DECADES)))
    scaled = graph.call("Mul", graph.call("Add", raised, graph.floats(4.0)), graph.floats(0.25))
    return graph.call("Where", inside, scaled, graph.floats(0.0))


def _reflected(graph: Graph, audio: str, length: str, frames: str) -> str:
    """Samples with 200 of them mirrored at each row's both ends: [batch, (frames + 4) * 160]."""
    total = graph.call("Mul", graph.call("Add", frames, graph.ints(SPARE_CHUNKS)), graph.ints(HOP_SAMPLES))
    wanted = graph.call("Sub", total, graph.ints(HALF_WINDOW_SAMPLES))
    # There is no Pad for INT16 in ONNX Runtime.
    samples = graph.call("Cast", audio, to=FLOAT)
    samples = graph.call("Pad", samples, graph.ints(0, 0, 0, SPARE_SAMPLES))
    samples = graph.call("Slice", samples, graph.ints(0), wanted, graph.ints(1))
    place = graph.call("Less", graph.count(wanted), length)
    samples = graph.call("Where", place, samples, graph.floats(0.0))
    last = graph.call("Max", graph.call("Sub", length, graph.ints(1)), graph.ints(0))
    steps = graph.ints(*range(HALF_WINDOW_SAMPLES))
    before = graph.call("Min", graph.ints(*range(HALF_WINDOW_SAMPLES, 0, -1)), last)
    behind = graph.call("Max", graph.call("Sub", graph.call("Sub", last, graph.ints(1)), steps), graph.ints(0))
    head = graph.call("GatherElements", samples, before, axis=1)
    tail = graph.call("GatherElements", samples, behind, axis=1)
    whole = graph.call("Concat", head, samples, axis=1)
    end = graph.call("Add", graph.call("Add", length, graph.ints(HALF_WINDOW_SAMPLES)), steps)
    return graph.call("ScatterElements", whole, end, tail, axis=1)


def _windows(graph: Graph, samples: str, frames: str) -> str:
    """[batch, frames, 400]"""
    chunks = graph.call("Reshape", samples, graph.ints(0, -1, HOP_SAMPLES))
    axis = graph.ints(1)
    first = graph.call("Slice", chunks, graph.ints(0), frames, axis)
    second = graph.call("Slice", chunks, graph.ints(1), graph.call("Add", frames, graph.ints(1)), axis)
    ends = graph.call("Concat", graph.call("Add", frames, graph.ints(2)), graph.ints(HOP_SAMPLES // 2), axis=0)
    third = graph.call("Slice", chunks, graph.ints(2, 0), ends, graph.ints(1, 2))
    return graph.call("Concat", first, second, third, axis=2)


def _fourier() -> NDArray[np.float64]:
    """A periodic Hann window times cosines, then sines: [400, 2 * 201]."""
    time = np.arange(WINDOW_SAMPLES)[:, None]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * time / WINDOW_SAMPLES)) / FULL_SCALE
    # The product is reduced first: the cosine of a large angle loses digits.
    angle = 2 * np.pi / WINDOW_SAMPLES * (time * np.arange(HALF_WINDOW_SAMPLES + 1) % WINDOW_SAMPLES)
    return np.asarray(np.concatenate([np.cos(angle) * window, np.sin(angle) * window], axis=1))
