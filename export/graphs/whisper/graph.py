"""The whole of Whisper as one graph, from a checkpoint's arrays: samples and a prompt in, tokens and alignment out.

Rows of a batch differ in LENGTH, PROMPT_LENGTH and where they end; everything is masked, so a row's results are those
that it has alone.
"""

import numpy as np
import onnx

from export.graphs.building import FLOAT, INT16, INT32, Graph
from export.graphs.whisper import prompt as prompts
from export.graphs.whisper.encoder import classify, encode
from export.graphs.whisper.front_end import extent, log_mel
from export.graphs.whisper.layers import Layers
from export.graphs.whisper.loop import Decoded, Decoding
from export.graphs.whisper.prompt import Prompt
from export.graphs.whisper.shape import GraphOptions, Shape, Weights, alignment, checked


def build(weights: Weights, shape: Shape, options: GraphOptions) -> onnx.ModelProto:
    """The graph without its manifest; the arrays have the names of Hugging Face's parameters."""
    checked(weights, shape)
    graph = Graph("whisper")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    requested = graph.input("LENGTH", INT32, ["batch", 1])
    asked = graph.input("PROMPT", INT32, ["batch", "prompt"])
    asked_length = graph.input("PROMPT_LENGTH", INT32, ["batch", 1])
    maximum = graph.input("MAX_TOKENS", INT32, ["batch", 1])

    layers = Layers(graph, weights, options.precision)
    length, real = extent(graph, audio, requested, shape)
    heard = encode(layers, log_mel(graph, audio, length, real, shape.mels), real, shape)
    prompt = prompts.read(graph, (asked, asked_length, maximum), shape, options)
    watched = _watched(weights, shape, options)
    decoded = Decoding(weights, shape, options, prompt, heard, watched).write(graph)
    aligned = _looked(graph, decoded, prompt, real.longest) if watched else classify(layers, heard, real)
    graph.output("TOKEN", graph.call("Cast", decoded.tokens, to=INT32), INT32, ["batch", "tokens"])
    graph.output("LOG_PROBABILITY", decoded.scores, FLOAT, ["batch", "tokens"])
    graph.output("PROMPT_LOG_PROBABILITY", _spread(graph, decoded, prompt), FLOAT, ["batch", "prompt"])
    graph.output("LANGUAGE", graph.open_ended(decoded.language, 2), FLOAT, ["batch", "languages"])
    graph.output("NO_SPEECH", decoded.no_speech, FLOAT, ["batch", 1])
    graph.output("ALIGNMENT", graph.open_ended(aligned, 3), FLOAT, ["batch", "frames", "classes"])
    return graph.model()


def _watched(weights: Weights, shape: Shape, options: GraphOptions) -> tuple[tuple[int, int], ...]:
    if alignment(weights) == "ctc":
        return ()
    if options.alignment_heads is not None:
        return options.alignment_heads
    upper = range(shape.decoder_layers // 2, shape.decoder_layers)
    return tuple((layer, head) for layer in upper for head in range(shape.decoder_heads))


def _looked(graph: Graph, decoded: Decoded, prompt: Prompt, frames: str) -> str:
    """[batch, frames, prompt and tokens]: what was generated last never looked anywhere, its column is 0."""
    assert decoded.looks is not None
    axis, end = graph.ints(1), graph.ints(np.iinfo(np.int64).max)
    looks = graph.call("Slice", decoded.looks, graph.ints(0), frames, graph.ints(2))
    asked = graph.call("Slice", looks, graph.ints(0), prompt.places, axis)
    generated = graph.call("Slice", looks, graph.size(prompt.tokens, 1), end, axis)
    padded = graph.call("Pad", graph.call("Concat", asked, generated, axis=1), graph.ints(0, 0, 0, 0, 1, 0))
    return graph.call("Transpose", padded, perm=[0, 2, 1])


def _spread(graph: Graph, decoded: Decoded, prompt: Prompt) -> str:
    """The scores of the prompt's tail at their places in the prompt; 0 up to start-of-transcript and at padding."""
    places = graph.count(prompt.places)
    before = graph.call("Sub", graph.call("Sub", places, graph.ints(1)), graph.call("Sub", prompt.length, prompt.width))
    last = graph.call("Sub", prompt.width, graph.ints(1))
    index = graph.call("Min", graph.call("Max", before, graph.ints(0)), last)
    scores = graph.call("GatherElements", decoded.prompt_scores, index, axis=1)
    scored = graph.call("And", graph.call("Greater", places, prompt.start), graph.call("Less", places, prompt.length))
    return graph.call("Where", scored, scores, graph.floats(np.float32(0)))
