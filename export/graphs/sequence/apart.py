"""The same recogniser in two graphs: one that hears a sound once, and one that writes a token, or reads a prompt.

Between the two lie the keys and values of what was heard, and rooms for those of what is written, in memory that stays
where it is: nothing is copied, and every call of one size has the same shapes, so that a GPU can replay a captured
graph of it. A third graph takes some of the rows along when others are done; docker/triton/backends/asr/decoding drives
them.
"""

import json
from dataclasses import dataclass

import numpy as np
import onnx

from export.graphs.building import FLOAT, INT32, INT64, Graph
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.options import GraphOptions, Sizes
from export.graphs.sequence.passes import DecoderInto, Heard, Step
from export.graphs.sequence.past import Rooms, filled_name

ENCODER_FILE, STEP_FILE, ROWS_FILE = "encoder.onnx", "step.onnx", "rows.onnx"
FACTS = "recogniser"  # of the step graph's metadata: what its driver must know


@dataclass(frozen=True)
class Apart:
    encoder: onnx.ModelProto
    step: onnx.ModelProto
    rows: onnx.ModelProto

    @property
    def files(self) -> dict[str, onnx.ModelProto]:
        return {ENCODER_FILE: self.encoder, STEP_FILE: self.step, ROWS_FILE: self.rows}


@dataclass(frozen=True)
class Between:
    """The tensors that lie between the graphs, by their names and shapes."""

    layers: Layers
    shape: Sizes

    @property
    def memories(self) -> list[tuple[str, str]]:
        """Keys and values of what was heard, for each layer of the decoder."""
        return [(f"MEMORY_KEY_{layer}", f"MEMORY_VALUE_{layer}") for layer in range(self.shape.decoder_layers)]

    @property
    def rooms(self) -> list[tuple[str, str]]:
        return [(f"KEY_{layer}", f"VALUE_{layer}") for layer in range(self.shape.decoder_layers)]

    @property
    def memory_shape(self) -> list[str | int]:
        return ["batch", self.shape.decoder_heads, "frames", self._size]

    @property
    def room_shape(self) -> list[str | int]:
        return ["batch", self.shape.decoder_heads, self.shape.target_positions, self._size]

    @property
    def _size(self) -> int:
        return self.shape.width // self.shape.decoder_heads

    def told(self, heard: Heard) -> None:
        """As outputs of the graph that hears."""
        kind = self.layers.element_type
        for names, values in zip(self.memories, heard.memories, strict=True):
            for name, value in zip(names, values, strict=True):
                self.layers.graph.output(name, value, kind, self.memory_shape)
        self.layers.graph.output("MASK", heard.mask, INT32, ["batch", "frames"])

    def taken(self) -> Heard:
        """As inputs of the graph that writes."""
        graph, kind = self.layers.graph, self.layers.element_type
        for name in (name for names in self.memories for name in names):
            graph.input(name, kind, self.memory_shape)
        return Heard("", tuple(self.memories), graph.input("MASK", INT32, ["batch", "frames"]))

    def opened(self, positions: str) -> Rooms:
        graph, kind = self.layers.graph, self.layers.element_type
        for name in (name for names in self.rooms for name in names):
            graph.input(name, kind, self.room_shape)
            graph.declare(filled_name(name), kind, self.room_shape)
        sizes = (self.shape.decoder_heads, self.shape.target_positions, self._size)
        return Rooms.of(self.layers, positions, self.rooms, sizes)


def step(decoder: DecoderInto, between: Between, options: GraphOptions) -> onnx.ModelProto:
    """`decoder` is written over what `between.taken()` names.

    TOKEN, POSITION  INT64 [batch, new]   what is put in, each at its place; behind a short row's end it is overwritten
    CHOSEN           INT64 [batch, asked] which of the new are judged; the first start-of-transcript, the last writes
    FOLLOWING        INT64 [batch, asked] what is known to follow each
    LATER            INT64 [batch]        0 where no text was written yet, so that more is forbidden

    NEXT [batch] and SCORE [batch] the token that is written and its log-probability; GIVEN [batch, asked] that of
    FOLLOWING; LANGUAGE and NO_SPEECH of the first; LOOKS [batch, new, frames] where attention tells times.
    """
    graph, shape = between.layers.graph, between.shape
    tokens, positions = (graph.input(name, INT64, ["batch", "new"]) for name in ("TOKEN", "POSITION"))
    chosen, following = (graph.input(name, INT64, ["batch", "asked"]) for name in ("CHOSEN", "FOLLOWING"))
    later = graph.input("LATER", INT64, ["batch"])
    writer = decoder(graph)
    passed = writer.run(Step(tokens, positions, between.opened(positions), bounded=True))
    logits = writer.logits(_gathered(graph, passed.states, chosen, shape.width))
    _write(graph, logits, later, (shape.vocabulary, options))
    _judge(graph, logits, following, options)
    if passed.looks is not None:
        graph.output("LOOKS", passed.looks, FLOAT, ["batch", "new", "frames"])
    model = graph.model()
    facts = {"start": options.start, "end": options.end, "languages": list(options.languages)}
    facts["vocabulary"] = shape.vocabulary
    onnx.helper.set_model_props(model, {FACTS: json.dumps(facts)})
    return model


def rows(between: Between) -> onnx.ModelProto:
    """Of every tensor between the graphs the rows that ROWS names, as NEXT_…"""
    graph, kind = between.layers.graph, between.layers.element_type
    wanted = graph.input("ROWS", INT64, ["kept"])
    shapes = {name: (kind, between.memory_shape) for names in between.memories for name in names}
    shapes |= {name: (kind, between.room_shape) for names in between.rooms for name in names}
    shapes |= {"MASK": (INT32, ["batch", "frames"])}
    for name, (element_type, sizes) in shapes.items():
        graph.input(name, element_type, sizes)
        taken = graph.call_as(filled_name(name), "Gather", name, wanted, axis=0)
        graph.declare(taken, element_type, ["kept", *sizes[1:]])
    return graph.model()


def _gathered(graph: Graph, states: str, chosen: str, width: int) -> str:
    sizes = graph.call("Concat", graph.call("Shape", chosen), graph.ints(width), axis=0)
    index = graph.call("Expand", graph.call("Unsqueeze", chosen, graph.ints(2)), sizes)
    return graph.call("GatherElements", states, index, axis=1)


def _write(graph: Graph, logits: str, later: str, how: tuple[int, GraphOptions]) -> None:
    """The likeliest token behind the last place that was asked for."""
    vocabulary, options = how
    last = graph.call("Gather", logits, graph.constant(-1, np.int64), axis=1)
    if options.suppressed or options.suppressed_at_first:
        bias = np.zeros((2, vocabulary), np.float32)
        bias[:, list(options.suppressed)] = -np.inf
        bias[0, list(options.suppressed_at_first)] = -np.inf
        last = graph.call("Add", last, graph.call("Gather", graph.floats(bias), later))
    graph.declare(graph.call_as("NEXT", "ArgMax", last, axis=1, keepdims=0), INT64, ["batch"])
    scores = graph.call("LogSoftmax", last, axis=1)
    graph.declare(graph.call_as("SCORE", "ReduceMax", scores, axes=[1], keepdims=0), FLOAT, ["batch"])


def _judge(graph: Graph, logits: str, following: str, options: GraphOptions) -> None:
    """How likely what follows is, the languages and that nobody speaks."""
    scores = graph.call("LogSoftmax", logits, axis=2)
    index = graph.call("Unsqueeze", following, graph.ints(2))
    given = graph.call("Squeeze", graph.call("GatherElements", scores, index, axis=2), graph.ints(2))
    graph.output("GIVEN", given, FLOAT, ["batch", "asked"])
    first = graph.call("Gather", scores, graph.constant(0, np.int64), axis=1)
    if options.languages:
        likely = graph.call("Gather", first, graph.ints(*options.languages), axis=1)
        graph.output("LANGUAGE", graph.call("Softmax", likely, axis=1), FLOAT, ["batch", len(options.languages)])
    if options.no_speech is not None:
        silence = graph.call("Gather", first, graph.ints(options.no_speech), axis=1)
        graph.output("NO_SPEECH", graph.call("Exp", silence), FLOAT, ["batch", 1])
