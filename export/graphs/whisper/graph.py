"""The whole of Whisper as one graph, from a checkpoint's arrays: samples and a prompt in, tokens and alignment out.

Rows of a batch differ in LENGTH, PROMPT_LENGTH and where they end; everything is masked, so a row's results are those
that it has alone.
"""

import onnx

from export.graphs.building import Graph
from export.graphs.sequence import prompt as prompts
from export.graphs.sequence import tensors
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.loop import Decoding
from export.graphs.sequence.options import GraphOptions, Weights, watched
from export.graphs.whisper.decoder import WhisperDecoder
from export.graphs.whisper.encoder import classify, encode
from export.graphs.whisper.front_end import extent, log_mel
from export.graphs.whisper.shape import Shape, alignment, checked


def build(weights: Weights, shape: Shape, options: GraphOptions) -> onnx.ModelProto:
    """The graph without its manifest; the arrays have the names of Hugging Face's parameters."""
    checked(weights, shape)
    graph = Graph("whisper")
    asked = tensors.ask(graph)
    layers = Layers(graph, weights, options.precision)
    length, real = extent(graph, asked.audio, asked.length, shape)
    heard = encode(layers, log_mel(graph, asked.audio, length, real, shape.mels), real, shape)
    prompt = prompts.read(graph, asked.prompt, shape, options)
    heads = () if alignment(weights) == "ctc" else watched(shape, options)

    def decoder(body: Graph) -> WhisperDecoder:
        return WhisperDecoder(Layers(body, weights, options.precision, few_rows=True), shape, heard, heads)

    decoded = Decoding(decoder, shape, options, prompt, heard, bool(heads)).write(graph)
    aligned = tensors.looked(graph, decoded, prompt, real.longest) if heads else classify(layers, heard, real)
    tensors.answer(graph, decoded, prompt, aligned)
    return graph.model()
