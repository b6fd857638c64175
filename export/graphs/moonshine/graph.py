"""The whole of Moonshine as one graph, from a checkpoint's arrays: samples and a prompt in, tokens and alignment out.

Rows of a batch differ in LENGTH, PROMPT_LENGTH and where they end; everything is masked, so a row's results are those
that it has alone.
"""

import onnx

from export.graphs.building import Graph
from export.graphs.moonshine.decoder import MoonshineDecoder
from export.graphs.moonshine.encoder import encode
from export.graphs.moonshine.front_end import convolve, extent
from export.graphs.moonshine.shape import Shape, checked
from export.graphs.sequence import prompt as prompts
from export.graphs.sequence import tensors
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.loop import Decoding
from export.graphs.sequence.options import GraphOptions, Weights, watched


def build(weights: Weights, shape: Shape, options: GraphOptions) -> onnx.ModelProto:
    """The graph without its manifest; the arrays have the names of Hugging Face's parameters."""
    checked(weights, shape)
    graph = Graph("moonshine")
    asked = tensors.ask(graph)
    layers = Layers(graph, weights, options.precision)
    length, real = extent(graph, asked.audio, asked.length, shape)
    heard = encode(layers, convolve(layers, asked.audio, length, real), real, shape)
    prompt = prompts.read(graph, asked.prompt, shape, options)
    heads = watched(shape, options)

    def decoder(body: Graph) -> MoonshineDecoder:
        return MoonshineDecoder(Layers(body, weights, options.precision, few_rows=True), shape, heard, heads)

    decoded = Decoding(decoder, shape, options, prompt, heard, watching=True).write(graph)
    tensors.answer(graph, decoded, prompt, tensors.looked(graph, decoded, prompt, real.longest))
    return graph.model()
