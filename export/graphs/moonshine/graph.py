"""The whole of Moonshine as one graph, from a checkpoint's arrays: samples and a prompt in, tokens and alignment out.

Rows of a batch differ in LENGTH, PROMPT_LENGTH and where they end; everything is masked, so a row's results are those
that it has alone.
"""

from dataclasses import replace

import onnx

from export.graphs.building import Graph
from export.graphs.moonshine.decoder import MoonshineDecoder
from export.graphs.moonshine.encoder import encode
from export.graphs.moonshine.front_end import convolve, extent
from export.graphs.moonshine.heads import Heads, Hearing
from export.graphs.moonshine.shape import Shape, checked
from export.graphs.sequence import prompt as prompts
from export.graphs.sequence import tensors
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.loop import Decoding
from export.graphs.sequence.options import GraphOptions, Weights, watched


def build(weights: Weights, shape: Shape, options: GraphOptions, heads: Heads | None = None) -> onnx.ModelProto:
    """The graph without its manifest; the arrays have the names of Hugging Face's parameters.

    Without heads the language is taken to be the one of the weights, and whatever is heard to be speech.
    """
    checked(weights, shape)
    graph = Graph("moonshine")
    asked = tensors.ask(graph)
    layers = Layers(graph, weights, options.precision)
    length, real = extent(graph, asked.audio, asked.length, shape)
    heard = encode(layers, convolve(layers, asked.audio, length, real), real, shape)
    prompt = prompts.read(graph, asked.prompt, shape, options)
    watching = watched(shape, options)

    def decoder(body: Graph) -> MoonshineDecoder:
        return MoonshineDecoder(Layers(body, weights, options.precision, few_rows=True), shape, heard, watching)

    decoded = Decoding(decoder, shape, options, prompt, heard, watching=True).write(graph)
    if heads is not None:
        hearing = Hearing.of(graph, heads, heard)
        decoded = replace(decoded, language=hearing.languages(), no_speech=hearing.no_speech())
    tensors.answer(graph, decoded, prompt, tensors.looked(graph, decoded, prompt, real.longest))
    return graph.model()
