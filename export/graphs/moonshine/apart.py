"""Moonshine in two graphs: hearing once, then writing token by token."""

import onnx

from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph
from export.graphs.moonshine.decoder import MoonshineDecoder
from export.graphs.moonshine.encoder import encode
from export.graphs.moonshine.front_end import convolve, extent
from export.graphs.moonshine.heads import Heads, Hearing
from export.graphs.moonshine.shape import Shape, checked
from export.graphs.sequence import apart
from export.graphs.sequence.apart import Apart, Between
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.options import GraphOptions, Weights, watched


def build(weights: Weights, shape: Shape, options: GraphOptions, heads: Heads | None = None) -> Apart:
    checked(weights, shape)
    layers = Layers(Graph("step"), weights, options.precision, few_rows=True, plain=True)
    between = Between(layers, shape)
    heard, watching = between.taken(), watched(shape, options)
    rows = apart.rows(Between(Layers(Graph("rows"), weights, options.precision), shape))
    step = apart.step(lambda _graph: MoonshineDecoder(layers, shape, heard, watching), between, options)
    return Apart(encoder(weights, shape, options, heads), step, rows)


def encoder(weights: Weights, shape: Shape, options: GraphOptions, heads: Heads | None = None) -> onnx.ModelProto:
    """As many frames as AUDIO has room for, so that whoever asks decides the shapes; real are those within LENGTH."""
    graph = Graph("encoder")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    requested = graph.input("LENGTH", INT32, ["batch", 1])
    layers = Layers(graph, weights, options.precision)
    length, real = extent(graph, audio, requested, shape, roomy=True)
    heard = encode(layers, convolve(layers, audio, length, real), real, shape)
    Between(layers, shape).told(heard)
    graph.output("FRAMES", real.frames, INT64, ["batch", 1])
    if heads is not None:
        hearing = Hearing.of(graph, heads, heard)
        graph.output("LANGUAGE", hearing.languages(), FLOAT, ["batch", len(heads.languages)])
        graph.output("NO_SPEECH", hearing.no_speech(), FLOAT, ["batch", 1])
    return graph.model()
