"""The tensors of an internal graph that writes text, as the head of model_repository/whisper/config.pbtxt has them."""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import FLOAT, INT16, INT32, Graph
from export.graphs.sequence.loop import Decoded
from export.graphs.sequence.prompt import Prompt


@dataclass(frozen=True)
class Asked:
    audio: str
    length: str
    prompt: tuple[str, str, str]  # its tokens, how many of them are real, how many may follow


def ask(graph: Graph) -> Asked:
    return Asked(
        graph.input("AUDIO", INT16, ["batch", "samples"]),
        graph.input("LENGTH", INT32, ["batch", 1]),
        (
            graph.input("PROMPT", INT32, ["batch", "prompt"]),
            graph.input("PROMPT_LENGTH", INT32, ["batch", 1]),
            graph.input("MAX_TOKENS", INT32, ["batch", 1]),
        ),
    )


def answer(graph: Graph, decoded: Decoded, prompt: Prompt, aligned: str) -> None:
    """`aligned` is FP32 [batch, frames, classes, or places of the prompt and of what was generated]."""
    graph.output("TOKEN", graph.call("Cast", decoded.tokens, to=INT32), INT32, ["batch", "tokens"])
    graph.output("LOG_PROBABILITY", decoded.scores, FLOAT, ["batch", "tokens"])
    graph.output("PROMPT_LOG_PROBABILITY", _spread(graph, decoded, prompt), FLOAT, ["batch", "prompt"])
    graph.output("LANGUAGE", graph.open_ended(decoded.language, 2), FLOAT, ["batch", "languages"])
    graph.output("NO_SPEECH", decoded.no_speech, FLOAT, ["batch", 1])
    graph.output("ALIGNMENT", graph.open_ended(aligned, 3), FLOAT, ["batch", "frames", "classes"])


def looked(graph: Graph, decoded: Decoded, prompt: Prompt, frames: str) -> str:
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
