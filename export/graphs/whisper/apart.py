"""Whisper in two graphs: hearing once, then writing token by token."""

import onnx

from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph
from export.graphs.sequence import apart
from export.graphs.sequence.apart import Apart, Between
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.options import GraphOptions, Weights, watched
from export.graphs.whisper.decoder import WhisperDecoder
from export.graphs.whisper.encoder import classify, encode
from export.graphs.whisper.front_end import extent, log_mel
from export.graphs.whisper.shape import Shape, alignment, checked


def build(weights: Weights, shape: Shape, options: GraphOptions) -> Apart:
    checked(weights, shape)
    layers = Layers(Graph("step"), weights, options.precision, few_rows=True, plain=True)
    between = Between(layers, shape)
    heard = between.taken()
    heads = () if alignment(weights) == "ctc" else watched(shape, options)
    rows = apart.rows(Between(Layers(Graph("rows"), weights, options.precision), shape))
    step = apart.step(lambda _graph: WhisperDecoder(layers, shape, heard, heads), between, options)
    return Apart(encoder(weights, shape, options), step, rows)


def encoder(
    weights: Weights, shape: Shape, options: GraphOptions, plain: bool = False, audio_type: int = INT16
) -> onnx.ModelProto:
    """As many frames as AUDIO has room for, so that whoever asks decides the shapes; real are those within LENGTH."""
    graph = Graph("encoder")
    audio = graph.input("AUDIO", audio_type, ["batch", "samples"])
    requested = graph.input("LENGTH", INT32, ["batch", 1])
    layers = Layers(graph, weights, options.precision, plain=plain)
    length, real = extent(graph, audio, requested, shape, roomy=True)
    heard = encode(layers, log_mel(graph, audio, length, real, shape.mels), real, shape)
    Between(layers, shape).told(heard)
    graph.output("FRAMES", real.frames, INT64, ["batch", 1])
    if alignment(weights) == "ctc":
        graph.output("ALIGNMENT", classify(layers, heard, real), FLOAT, ["batch", "longest", "classes"])
    return graph.model()
