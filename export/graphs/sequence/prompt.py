"""What is asked of the decoder: each row's prompt, the places in it that matter, and how much may follow."""

from dataclasses import dataclass

import numpy as np

from export.graphs.building import FLOAT, INT64, Graph
from export.graphs.sequence.options import GraphOptions, Sizes
from export.graphs.sequence.places import whole_groups

DETECT = -1  # stands in a prompt where the token of the detected language goes


@dataclass(frozen=True)
class Prompt:
    """All INT64; `tail` are the last places of each row's prompt, from the earliest start-of-transcript on.

    Only what follows start-of-transcript is projected onto the vocabulary: previous text may be long, and nobody asks
    how likely it was.
    """

    tokens: str  # [batch, places], filled up to whole groups
    places: str  # how many there were before, [1]
    length: str  # [batch, 1]
    start: str  # where start-of-transcript stands, [batch, 1]
    tail: str  # [batch, width]
    width: str  # [1]
    allowed: str  # how many tokens may be generated, [batch]
    separate: (
        str  # whether the language takes a pass of its own, BOOL []: some prompt waits for it or has other text first
    )


def read(graph: Graph, tensors: tuple[str, str, str], shape: Sizes, options: GraphOptions) -> Prompt:
    """A wrong id, length or maximum is taken as the nearest right one, so that one bad row cannot fail the batch."""
    raw, raw_length, raw_maximum = (graph.call("Cast", tensor, to=INT64) for tensor in tensors)
    tokens = graph.call("Min", graph.call("Max", raw, graph.ints(DETECT)), graph.ints(shape.vocabulary - 1))
    places = graph.size(tokens, 1)
    most = graph.call("Min", places, graph.ints(shape.target_positions))
    length = graph.call("Min", graph.call("Max", raw_length, graph.ints(1)), most)
    # As FLOAT: older releases have no ArgMax for INT64.
    starts = graph.call("Cast", graph.call("Equal", tokens, graph.ints(options.start)), to=FLOAT)
    start = graph.call("Min", graph.call("ArgMax", starts, axis=1), graph.call("Sub", length, graph.ints(1)))
    width = graph.call("ReduceMax", graph.call("Sub", length, start), axes=[1], keepdims=0)
    width = graph.call("ReduceMax", width, axes=[0], keepdims=1)
    tail = graph.call("Add", graph.call("Sub", length, width), graph.count(width))
    room = graph.call("Sub", graph.ints(shape.target_positions), length)
    allowed = graph.call("Squeeze", graph.call("Min", raw_maximum, room), graph.ints(1))
    return Prompt(
        tokens=_filled_up(graph, tokens, places),
        places=places,
        length=length,
        start=start,
        tail=graph.call("Max", tail, graph.ints(0)),
        width=width,
        allowed=allowed,
        separate=_any(graph, _waits(graph, tokens, length, options)),
    )


def _filled_up(graph: Graph, tokens: str, places: str) -> str:
    missing = graph.call("Sub", whole_groups(graph, places), places)
    return graph.call("Pad", tokens, graph.call("Concat", graph.ints(0, 0, 0), missing, axis=0))


def _waits(graph: Graph, tokens: str, length: str, options: GraphOptions) -> str:
    places = graph.count(graph.size(tokens, 1))
    unknown = graph.call("Equal", tokens, graph.ints(DETECT))
    unknown = graph.call("And", unknown, graph.call("Less", places, length))
    earlier = graph.call("Not", graph.call("Equal", tokens, graph.ints(options.start)))
    earlier = graph.call("And", earlier, graph.call("Equal", places, graph.ints(0)))
    return graph.call("Or", unknown, earlier)


def _any(graph: Graph, truths: str) -> str:
    highest = graph.call("ReduceMax", graph.call("Cast", truths, to=INT64), keepdims=0)
    return graph.call("Greater", highest, graph.constant(0, np.int64))
