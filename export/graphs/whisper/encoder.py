"""The encoder: two convolutions and the layers, over the frames that are there and no more."""

import numpy as np
from numpy.typing import NDArray

from export.graphs.building import FLOAT, INT32
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.passes import Heard
from export.graphs.sequence.places import within
from export.graphs.whisper.front_end import Extent
from export.graphs.whisper.shape import CTC_HEAD, Shape

BLANK, IMPOSSIBLE = 0, -1e4  # the CTC head's class of nothing said, and a log-probability


def encode(layers: Layers, mel: str, real: Extent, shape: Shape) -> Heard:
    graph = layers.graph
    value = _convolutions(layers, graph.call("Cast", mel, to=layers.element_type), real)
    positions = layers.array(layers.weights["model.encoder.embed_positions.weight"])
    value = graph.call("Add", value, graph.call("Slice", positions, graph.ints(0), real.computed, graph.ints(0)))
    inside = graph.call("Less", graph.count(real.computed), real.frames)
    mask = graph.call("Cast", inside, to=INT32)
    for layer in range(shape.encoder_layers):
        name = f"model.encoder.layers.{layer}"
        value = graph.call("Add", value, _attention(layers, value, name, (mask, shape.encoder_heads)))
        value = layers.feed_forward(value, name)
    states = layers.norm(value, "model.encoder.layer_norm")
    return Heard(states, tuple(_memory(layers, states, layer, shape) for layer in range(shape.decoder_layers)), mask)


def classify(layers: Layers, heard: Heard, real: Extent) -> str:
    """The CTC head's log-probabilities, FP32 [batch, frames, classes]; beyond a row's end the blank is certain."""
    graph = layers.graph
    states = graph.call("Slice", heard.states, graph.ints(0), real.longest, graph.ints(1))
    logits = graph.call("Cast", layers.linear(states, CTC_HEAD), to=FLOAT)
    inside = within(graph, real.longest, real.frames)
    blank = np.full(len(layers.weights[f"{CTC_HEAD}.bias"]), IMPOSSIBLE, np.float32)
    blank[BLANK] = 0.0
    return graph.call("Where", inside, graph.call("LogSoftmax", logits, axis=-1), graph.floats(blank))


def _convolutions(layers: Layers, mel: str, real: Extent) -> str:
    """As multiplications: what a kernel of three sees is the frames beside themselves, shifted."""
    graph = layers.graph
    axis, frames = graph.ints(1), graph.call("Mul", real.computed, graph.ints(2))
    padded = graph.call("Pad", mel, graph.ints(0, 1, 0, 0, 1, 0))
    shifted = [
        graph.call("Slice", padded, graph.ints(step), graph.call("Add", frames, graph.ints(step)), axis)
        for step in range(3)
    ]
    value = layers.gelu(_convolution(layers, graph.call("Concat", *shifted, axis=2), "conv1"))
    # Alone, a row's second convolution finds zeros behind its last frame.
    value = graph.call("Where", within(graph, frames, real.mel_frames), value, layers.array(0.0))
    width = layers.width
    pairs = graph.call("Reshape", value, graph.ints(0, -1, 2 * width))
    odd = graph.call("Slice", pairs, graph.ints(width), graph.ints(2 * width), graph.ints(2))
    before = graph.call(
        "Slice", graph.call("Pad", odd, graph.ints(0, 1, 0, 0, 0, 0)), graph.ints(0), graph.ints(-1), axis
    )
    return layers.gelu(_convolution(layers, graph.call("Concat", before, pairs, axis=2), "conv2"))


def _convolution(layers: Layers, value: str, name: str) -> str:
    kernel = layers.weight(f"model.encoder.{name}.weight")
    matrix: NDArray[np.float32] = kernel.transpose(0, 2, 1).reshape(len(kernel), -1)
    # The first stays exact: its input are the features, of which quiet ones matter as much as loud ones.
    affine = layers.exact if name == "conv1" else layers.affine
    return affine(value, matrix, layers.weight(f"model.encoder.{name}.bias"))


def _attention(layers: Layers, value: str, name: str, how: tuple[str, int]) -> str:
    mask, heads = how
    graph = layers.graph
    normed = layers.norm(value, f"{name}.self_attn_layer_norm")
    names = [f"{name}.self_attn.{part}_proj" for part in "qkv"]
    both = layers.linear(normed, *names, scale=(layers.width / heads) ** -0.5)
    query, key, values = graph.call_many("Split", both, results=3, axis=2)
    return layers.linear(layers.hear(heads, query, (key, values), mask), f"{name}.self_attn.out_proj")


def _memory(layers: Layers, states: str, layer: int, shape: Shape) -> tuple[str, str]:
    """Keys and values of one decoder layer, computed once for all steps."""
    names = [f"model.decoder.layers.{layer}.encoder_attn.{part}_proj" for part in "kv"]
    key, value = layers.graph.call_many("Split", layers.linear(states, *names), results=2, axis=2)
    return layers.heads(key, shape.decoder_heads), layers.heads(value, shape.decoder_heads)
