"""What only the first passes have to say: language, speech or none, how likely the prompt was, and what comes next."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np

from export.graphs.building import FLOAT, INT64, Graph
from export.graphs.sequence.options import GraphOptions
from export.graphs.sequence.prompt import DETECT, Prompt

TYPES = (INT64, INT64, FLOAT, FLOAT, FLOAT)


@dataclass(frozen=True)
class Opening:
    """What the first passes set and the later ones hand on."""

    tokens: str  # that go into the next pass, [batch, new]
    tail: str  # which of them are projected onto the vocabulary, [batch, width]
    language: str  # [batch, languages]
    no_speech: str  # [batch, 1]
    prompt_scores: str  # of the token behind each of the tail's, [batch, width]


@dataclass(frozen=True)
class Situation:
    """Where the loop stands when a pass has computed its logits."""

    first: str  # whether it is the first pass, BOOL []
    opening: str  # whether it is the language's or the prompt's, BOOL []
    language: str  # whether it is the language's, BOOL []
    logits: str  # FP32 [batch, width, vocabulary]
    generated: str  # the next token, were it a step, [batch]
    before: Opening  # what went in


def open_up(graph: Graph, now: Situation, prompt: Prompt, options: GraphOptions) -> Opening:
    """An If: the many steps pay nothing for what the first passes do."""
    results: dict[str, Callable[[Graph], Opening]] = {
        "then": lambda inner: _opened(inner, now, prompt, options),
        "else": lambda inner: _went_on(inner, now),
    }
    branches = {}
    for name, result in results.items():
        inner = Graph(name, prefix=f"{graph.prefix}{name}_")
        for number, (value, kind) in enumerate(zip(astuple(result(inner)), TYPES, strict=True)):
            inner.output(f"{inner.prefix}result_{number}", value, kind, [f"{name}_rows", f"{name}_{number}"])
        branches[f"{name}_branch"] = inner.body()
    return Opening(*graph.call_many("If", now.opening, results=len(TYPES), **branches))


def one_of(graph: Graph, condition: str, then: str, otherwise: str) -> str:
    """One of two tensors [batch, any] of different widths."""
    width = graph.size(then, 1)
    both = graph.call("Concat", then, otherwise, axis=1)
    start = graph.call("Where", condition, graph.ints(0), width)
    end = graph.call("Where", condition, width, graph.size(both, 1))
    return graph.call("Slice", both, start, end, graph.ints(1))


def _went_on(graph: Graph, now: Situation) -> Opening:
    tokens = graph.call("Unsqueeze", now.generated, graph.ints(1))
    nothing = graph.call("Sub", tokens, tokens)
    return Opening(tokens, nothing, now.before.language, now.before.no_speech, now.before.prompt_scores)


def _opened(graph: Graph, now: Situation, prompt: Prompt, options: GraphOptions) -> Opening:
    language, no_speech = _heard(graph, now, prompt, options)
    token = graph.call("Unsqueeze", now.generated, graph.ints(1))
    nothing = graph.call("Sub", token, token)
    filled = _filled(graph, prompt.tokens, language, options)
    return Opening(
        one_of(graph, now.language, filled, token),
        one_of(graph, now.language, prompt.tail, nothing),
        language,
        no_speech,
        _scores(graph, now),
    )


def _heard(graph: Graph, now: Situation, prompt: Prompt, options: GraphOptions) -> tuple[str, str]:
    """From the logits behind start-of-transcript, in the first pass."""
    behind_start = graph.call("Sub", prompt.width, graph.call("Sub", prompt.length, prompt.start))
    place = graph.call("Where", now.language, graph.call("Sub", prompt.start, prompt.start), behind_start)
    logits = graph.call("GatherND", now.logits, place, batch_dims=1)
    language = graph.call("Expand", graph.floats([[1.0]]), graph.call("Shape", now.before.no_speech))
    if options.languages:
        chosen = graph.call("Gather", logits, graph.ints(*options.languages), axis=1)
        language = graph.call("Softmax", chosen, axis=1)
    no_speech = now.before.no_speech
    if options.no_speech is not None:
        among_all = graph.call("Softmax", logits, axis=1)
        no_speech = graph.call("Gather", among_all, graph.ints(options.no_speech), axis=1)
    return (
        graph.call("Where", now.first, language, now.before.language),
        graph.call("Where", now.first, no_speech, now.before.no_speech),
    )


def _filled(graph: Graph, tokens: str, language: str, options: GraphOptions) -> str:
    """The prompt with the likeliest language where it waits for one."""
    if not options.languages:
        return graph.call("Identity", tokens)
    known = graph.constant(options.languages, np.int64)
    likeliest = graph.call("Gather", known, graph.call("ArgMax", language, axis=1))
    return graph.call("Where", graph.call("Equal", tokens, graph.ints(DETECT)), likeliest, tokens)


def _scores(graph: Graph, now: Situation) -> str:
    """Log-probabilities of the tokens behind those of the tail; nonsense for the last and after the language's pass."""
    last = graph.call("Sub", graph.size(now.before.tokens, 1), graph.ints(1))
    behind = graph.call("Min", graph.call("Add", now.before.tail, graph.ints(1)), last)
    following = graph.call("GatherElements", now.before.tokens, behind, axis=1)
    scores = graph.call("LogSoftmax", now.logits, axis=2)
    return graph.call("GatherND", scores, graph.call("Unsqueeze", following, graph.ints(2)), batch_dims=2)
