"""wav2vec2 with its CTC head as one batched graph from raw samples, built from arrays with the hub's names.

Rows of a batch have different lengths. What a row gives must not depend on its neighbours, so everything that looks
along time is masked by the row's own length: the loudness normalisation, the group norm, the position convolution and
the attention. The feature extractor's convolutions are not padded: a frame within the row sees samples of the row only.
"""

import numpy as np
import onnx

from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph
from export.graphs.ctc.layers import CtcLayers
from export.graphs.ctc.shape import FULL_SCALE, Shape
from export.graphs.sequence.options import Precision, Weights

LOUDNESS_EPSILON, FEATURE_EPSILON = 1e-7, 1e-5
NEVER = -1e4  # the log-probability of letters in frames behind the end
ENCODER = "wav2vec2.encoder"


def build(weights: Weights, shape: Shape, precision: Precision, audio_type: int = INT16) -> onnx.ModelProto:
    """AUDIO, LENGTH -> LOG_PROBABILITY [batch, frames, classes] and FRAMES, how many of a row's frames are its own."""
    graph = Graph("wav2vec2_ctc")
    layers = CtcLayers(graph, weights, precision)
    audio = graph.input("AUDIO", audio_type, ["batch", "samples"])
    requested = graph.input("LENGTH", INT32, ["batch", 1])
    samples, length = _samples(graph, audio, requested, shape)
    if shape.normalises_audio:
        samples = _normalised(graph, samples, length)
    # Sums over half a minute of samples do not fit half precision.
    features, frames = _features(CtcLayers(graph, weights, "fp32"), samples, length, shape)
    features = graph.call("Cast", features, to=layers.element_type)
    inside = _inside(graph, frames, graph.size(features, 1))
    hidden = layers.normalised(features, "wav2vec2.feature_projection.layer_norm", shape.epsilon)
    hidden = layers.linear(hidden, "wav2vec2.feature_projection.projection")
    real = graph.call("Cast", _column(graph, inside), to=layers.element_type)
    hidden = _encoded(layers, graph.call("Mul", hidden, real), inside, shape)
    logits = graph.call("Cast", layers.linear(hidden, "lm_head"), to=FLOAT)
    scores = graph.call("LogSoftmax", logits, axis=-1)
    silence = np.full((1, 1, shape.classes), NEVER, np.float32)
    silence[..., shape.blank] = 0
    found = graph.call("Where", graph.call("Greater", _column(graph, inside), graph.floats(0.5)), scores,
                       graph.floats(silence))  # fmt: skip
    graph.output("LOG_PROBABILITY", graph.open_ended(found, 3), FLOAT, ["batch", "frames", "classes"])
    graph.output("FRAMES", graph.call("Cast", frames, to=INT32), INT32, ["batch", 1])
    return graph.model()


def _samples(graph: Graph, audio: str, requested: str, shape: Shape) -> tuple[str, str]:
    """Samples as parts of full scale, zero behind the row's length, and that length within what the row holds."""
    available = graph.size(audio, 1)
    length = graph.call("Min", graph.call("Max", graph.call("Cast", requested, to=INT64), graph.ints(0)), available)
    values = graph.call("Mul", graph.call("Cast", audio, to=FLOAT), graph.floats(1 / FULL_SCALE))
    values = graph.call("Mul", values, _inside(graph, length, available))
    # However short the row is, the convolutions find their first frame.
    return graph.call("Pad", values, graph.ints(0, 0, 0, shape.least_samples)), length


def _inside(graph: Graph, length: str, size: str) -> str:
    """1 before the row's length, 0 from there on: FLOAT [batch, size]."""
    return graph.call("Cast", graph.call("Less", graph.count(size), length), to=FLOAT)


def _column(graph: Graph, mask: str) -> str:
    return graph.call("Unsqueeze", mask, graph.ints(2))


def _normalised(graph: Graph, samples: str, length: str) -> str:
    """Zero mean and unit variance over the row's own samples; silence behind them."""
    inside = _inside(graph, length, graph.size(samples, 1))
    count = graph.call("Cast", graph.call("Max", length, graph.ints(1)), to=FLOAT)
    centred, variance = _centred(graph, samples, inside, (count, graph.ints(1)))
    deviation = graph.call("Sqrt", graph.call("Add", variance, graph.floats(LOUDNESS_EPSILON)))
    return graph.call("Div", centred, deviation)


def _centred(graph: Graph, values: str, inside: str, over: tuple[str, str]) -> tuple[str, str]:
    """Values less their mean, and their variance, over what is inside along one axis."""
    count, axis = over
    masked = graph.call("Mul", values, inside)
    mean = graph.call("Div", graph.call("ReduceSum", masked, axis, keepdims=1), count)
    centred = graph.call("Mul", graph.call("Sub", values, mean), inside)
    square = graph.call("ReduceSum", graph.call("Mul", centred, centred), axis, keepdims=1)
    return centred, graph.call("Div", square, count)


def _features(layers: CtcLayers, samples: str, length: str, shape: Shape) -> tuple[str, str]:
    """The feature extractor's [batch, frames, channels] and each row's own number of frames."""
    graph = layers.graph
    value, frames = graph.call("Unsqueeze", samples, graph.ints(1)), length
    for number, layer in enumerate(shape.convolutions):
        name = f"wav2vec2.feature_extractor.conv_layers.{number}"
        value = layers.convolution(value, f"{name}.conv", strides=[layer.stride])
        # Less than a kernel gives no frame: the stride added inside keeps the division off negative numbers.
        longer = graph.call("Max", graph.call("Sub", frames, graph.ints(layer.kernel - layer.stride)), graph.ints(0))
        frames = graph.call("Div", longer, graph.ints(layer.stride))
        if shape.normalises_each_frame:
            rows = graph.call("Transpose", value, perm=[0, 2, 1])
            rows = layers.normalised(rows, f"{name}.layer_norm", FEATURE_EPSILON)
            value = graph.call("Transpose", rows, perm=[0, 2, 1])
        elif number == 0:
            value = _group_normalised(layers, value, frames, f"{name}.layer_norm")
        value = layers.gelu(value)
    return graph.call("Transpose", value, perm=[0, 2, 1]), frames


def _group_normalised(layers: CtcLayers, value: str, frames: str, name: str) -> str:
    """Each channel by its own mean and variance over the row's own frames."""
    graph = layers.graph
    inside = graph.call("Unsqueeze", _inside(graph, frames, graph.size(value, 2)), graph.ints(1))
    count = graph.call("Cast", graph.call("Max", frames, graph.ints(1)), to=FLOAT)
    count = graph.call("Unsqueeze", count, graph.ints(1))
    centred, variance = _centred(graph, value, inside, (count, graph.ints(2)))
    deviation = graph.call("Sqrt", graph.call("Add", variance, graph.floats(FEATURE_EPSILON)))
    scale, bias = layers.channels(name)
    normalised = graph.call("Mul", graph.call("Div", centred, deviation), graph.floats(scale))
    return graph.call("Add", normalised, graph.floats(bias))


def _encoded(layers: CtcLayers, hidden: str, inside: str, shape: Shape) -> str:
    graph = layers.graph
    hidden = graph.call("Add", hidden, _positions(layers, hidden, shape))
    if not shape.norm_first:
        hidden = layers.normalised(hidden, f"{ENCODER}.layer_norm", shape.epsilon)
    shown = graph.call("Greater", inside, graph.floats(0.5))
    bias = graph.call("Where", shown, layers.array(0.0), layers.array(layers.hidden_bias))
    bias = graph.call("Unsqueeze", bias, graph.ints(1, 2))
    for number in range(shape.layers):
        hidden = _layer(layers, hidden, bias, (f"{ENCODER}.layers.{number}", shape))
    return layers.normalised(hidden, f"{ENCODER}.layer_norm", shape.epsilon) if shape.norm_first else hidden


def _positions(layers: CtcLayers, hidden: str, shape: Shape) -> str:
    """The position convolution; an even kernel makes one frame too many, which goes."""
    graph = layers.graph
    half = shape.position_kernel // 2
    pads = [half, half - 1 + shape.position_kernel % 2]
    columns = graph.call("Transpose", hidden, perm=[0, 2, 1])
    found = layers.convolution(columns, f"{ENCODER}.pos_conv_embed.conv", pads=pads, group=shape.position_groups)
    return graph.call("Transpose", layers.gelu(found), perm=[0, 2, 1])


def _layer(layers: CtcLayers, hidden: str, bias: str, place: tuple[str, Shape]) -> str:
    graph, (name, shape) = layers.graph, place

    def norm(value: str, part: str) -> str:
        return layers.normalised(value, f"{name}.{part}", shape.epsilon)

    def feed(value: str) -> str:
        inner = layers.gelu(layers.linear(value, f"{name}.feed_forward.intermediate_dense"))
        return layers.linear(inner, f"{name}.feed_forward.output_dense")

    if not shape.norm_first:
        attended = layers.attention(hidden, f"{name}.attention", shape.heads, bias)
        hidden = norm(graph.call("Add", hidden, attended), "layer_norm")
        return norm(graph.call("Add", hidden, feed(hidden)), "final_layer_norm")
    attended = layers.attention(norm(hidden, "layer_norm"), f"{name}.attention", shape.heads, bias)
    hidden = graph.call("Add", hidden, attended)
    hidden = graph.call("Add", hidden, feed(norm(hidden, "final_layer_norm")))
    if not layers.has(f"{name}.adapter_layer.norm.weight"):
        return hidden
    inner = layers.normalised(hidden, f"{name}.adapter_layer.norm", FEATURE_EPSILON)
    inner = graph.call("Relu", layers.linear(inner, f"{name}.adapter_layer.linear_1"))
    return graph.call("Add", hidden, layers.linear(inner, f"{name}.adapter_layer.linear_2"))
