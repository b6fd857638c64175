"""Greedy decoding as a Loop: a pass for the language where one is needed, one over the prompt, then token by token.

The decoder stands in the body once, so its weights are there once. `count` tells the passes apart: -1 is the one for
the language, 0 the prompt's, then it is how many tokens were generated before. The first two fill whole groups of
places, so that a row's sums have the same order whatever passes and prompts its neighbours need.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from export.graphs.building import BOOL, FLOAT, INT64, Graph
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.opening import Opening, Situation, one_of, open_up
from export.graphs.sequence.options import GraphOptions, Sizes
from export.graphs.sequence.passes import DecoderInto, Heard, Passed, Step
from export.graphs.sequence.past import Growing
from export.graphs.sequence.places import GROUP
from export.graphs.sequence.prompt import Prompt

ENDLESS = np.iinfo(np.int64).max


@dataclass(frozen=True)
class State:
    """One value that the loop carries: its name in the body, its type, and what it begins with."""

    name: str
    element_type: int
    shape: Sequence[str | int]
    initial: str


@dataclass(frozen=True)
class Decoded:
    tokens: str  # INT64 [batch, generated]
    scores: str  # FP32 [batch, generated]
    language: str
    no_speech: str
    prompt_scores: str  # FP32 [batch, width of the prompt's tail]
    looks: str | None  # FP32 [batch, places, frames]: of the prompt and what was generated, but for the last


@dataclass(frozen=True)
class Decoding:
    """What the loop is made of."""

    decoder: DecoderInto
    shape: Sizes
    options: GraphOptions
    prompt: Prompt
    heard: Heard
    watching: bool  # whether the decoder says where its chosen heads looked

    def write(self, graph: Graph) -> Decoded:
        states = self._states(graph)
        body = Graph("pass", prefix="pass_")
        number, _ = body.input("pass_number", INT64, []), body.input("pass_condition", BOOL, [])
        for state in states:
            body.input(state.name, state.element_type, state.shape)
        results = self._body(body, number, {state.name: state.name for state in states})
        kinds = [(BOOL, []), *((state.element_type, state.shape) for state in states), (INT64, ["r"]), (FLOAT, ["r"])]
        for place, (value, (kind, shape)) in enumerate(zip(results, kinds, strict=True)):
            body.output(f"pass_result_{place}", value, kind, shape)
        finals = graph.call_many(
            "Loop",
            graph.constant(ENDLESS, np.int64),
            graph.constant(True, np.bool_),
            *(state.initial for state in states),
            results=len(states) + 2,
            body=body.body(),
        )
        named = dict(zip([state.name for state in states], finals, strict=False))
        return self._decoded(graph, named, *finals[-2:])

    def _states(self, graph: Graph) -> list[State]:
        prompt, layers = self.prompt, Layers(graph, {}, self.options.precision)
        batch = graph.size(prompt.tokens, 0)
        column = graph.call("Concat", batch, graph.ints(1), axis=0)
        nothing = graph.call("Concat", batch, graph.ints(0), axis=0)
        group = graph.call("Concat", batch, graph.ints(GROUP), axis=0)
        start = graph.call("Expand", graph.ints(self.options.start), group)
        zeros = graph.call("Expand", graph.ints(0), column)
        count = graph.call("Where", prompt.separate, graph.constant(-1, np.int64), graph.constant(0, np.int64))
        languages = graph.call("Concat", batch, graph.ints(max(1, len(self.options.languages))), axis=0)
        memory = self._no_memory(layers, batch)
        states = [
            State("count", INT64, [], count),
            State("tokens", INT64, ["rows", "new"], one_of(graph, prompt.separate, start, prompt.tokens)),
            State("tail", INT64, ["rows", "width"], one_of(graph, prompt.separate, zeros, prompt.tail)),
            State("first", INT64, ["rows", 1], zeros),
            State("bias", layers.element_type, ["rows", "kept"], graph.call("Expand", layers.array([[0.0]]), nothing)),
            State("done", BOOL, ["rows"], graph.call("LessOrEqual", prompt.allowed, graph.ints(0))),
            State("language", FLOAT, ["rows", "n"], graph.call("Expand", graph.floats([[0.0]]), languages)),
            State("no_speech", FLOAT, ["rows", 1], graph.call("Expand", graph.floats([[0.0]]), column)),
            State("prompt_scores", FLOAT, ["rows", "scored"], graph.call("Expand", graph.floats([[0.0]]), column)),
        ]
        for layer in range(self.shape.decoder_layers):
            for part in ("key", "value"):
                states.append(State(f"{part}_{layer}", layers.element_type, ["rows", "heads", "kept", "size"], memory))
        if self.watching:
            frames = graph.call("Concat", batch, graph.ints(0), graph.size(self.heard.states, 1), axis=0)
            looks = graph.call("Expand", graph.floats([[[0.0]]]), frames)
            states.append(State("looks", FLOAT, ["rows", "seen", "frames"], looks))
        return states

    def _no_memory(self, layers: Layers, batch: str) -> str:
        heads = self.shape.decoder_heads
        sizes = layers.graph.ints(heads, 0, self.shape.width // heads)
        wanted = layers.graph.call("Concat", batch, sizes, axis=0)
        return layers.graph.call("Expand", layers.array([[[[0.0]]]]), wanted)

    def _body(self, graph: Graph, number: str, state: dict[str, str]) -> list[str]:
        """Whether another pass follows, the next states, the token and its score."""
        layers, decoder = Layers(graph, {}, self.options.precision), self.decoder(graph)
        new, keys = self._new_bias(layers, state)
        memory = tuple((state[f"key_{n}"], state[f"value_{n}"]) for n in range(self.shape.decoder_layers))
        passed = decoder.run(Step(state["tokens"], self._positions(graph, state), Growing(new, memory)))
        chosen = graph.call("Unsqueeze", state["tail"], graph.ints(2))
        logits = decoder.logits(graph.call("GatherND", passed.states, chosen, batch_dims=1))

        zero = graph.constant(0, np.int64)
        is_language = graph.call("Less", state["count"], zero)
        token, score, done = self._choice(graph, logits, state, is_language)
        before = Opening(*(state[name] for name in ("tokens", "tail", "language", "no_speech", "prompt_scores")))
        now = Situation(
            first=graph.call("Equal", number, zero),
            opening=graph.call("LessOrEqual", state["count"], zero),
            language=is_language,
            logits=logits,
            generated=token,
            before=before,
        )
        after = open_up(graph, now, self.prompt, self.options)
        following = graph.call("Add", self.prompt.length, state["count"])
        results = {
            "count": graph.call("Add", state["count"], graph.constant(1, np.int64)),
            "first": graph.call("Where", is_language, graph.ints(0), following),
            "bias": keys,
            "done": done,
            **asdict(after),
            **self._carried(graph, state, passed),
        }
        return [self._goes_on(graph, done, is_language), *(results[name] for name in state), token, score]

    def _carried(self, graph: Graph, state: dict[str, str], passed: Passed) -> dict[str, str]:
        """What grows with each pass, by the names of the states."""
        carried: dict[str, str] = {}
        for layer, (key, value) in enumerate(passed.kept):
            carried |= {f"key_{layer}": key, f"value_{layer}": value}
        if passed.looks is not None:
            carried["looks"] = graph.call("Concat", state["looks"], passed.looks, axis=1)
        return carried

    def _positions(self, graph: Graph, state: dict[str, str]) -> str:
        positions = graph.call("Add", state["first"], graph.count(graph.size(state["tokens"], 1)))
        return graph.call("Min", positions, graph.ints(self.shape.target_positions - 1))

    def _new_bias(self, layers: Layers, state: dict[str, str]) -> tuple[str, str]:
        """How new tokens may look at kept and new ones, [batch, 1, new, all], and which of all later ones may look at.

        A row's padding lies behind its prompt: its own tokens do not look ahead, later ones must not look at it. Nor
        may anything look at the token of the language's pass.
        """
        graph = layers.graph
        shown, hidden = layers.array(0.0), layers.array(layers.hidden_bias)
        kept, new = graph.size(state["bias"], 1), graph.size(state["tokens"], 1)
        order = graph.count(new)
        every = graph.call(
            "Concat", state["bias"], graph.call("Expand", shown, graph.call("Shape", state["tokens"])), axis=1
        )
        place = graph.call("Unsqueeze", graph.call("Add", order, kept), graph.ints(1))
        ahead = graph.call("Greater", graph.count(graph.size(every, 1)), place)
        causal = graph.call("Where", ahead, hidden, shown)
        now = graph.call("Add", graph.call("Unsqueeze", every, graph.ints(1, 2)), causal)

        end = graph.call("Add", self.prompt.length, state["count"])
        real = graph.call("Less", graph.call("Add", state["first"], order), end)
        real = graph.call("And", real, graph.call("GreaterOrEqual", state["count"], graph.constant(0, np.int64)))
        later = graph.call("Concat", state["bias"], graph.call("Where", real, shown, hidden), axis=1)
        return now, later

    def _choice(self, graph: Graph, logits: str, state: dict[str, str], is_language: str) -> tuple[str, str, str]:
        """The likeliest token, its log-probability, and which rows are done after it."""
        last = graph.call("Gather", logits, graph.constant(-1, np.int64), axis=1)
        last = self._suppressed(graph, last, state)
        best = graph.call("ArgMax", last, axis=1, keepdims=0)
        # ReduceLogSumExp would take ten times as long.
        score = graph.call("ReduceMax", graph.call("LogSoftmax", last, axis=1), axes=[1], keepdims=0)
        end = graph.constant(self.options.end, np.int64)
        token = graph.call("Where", state["done"], end, best)
        score = graph.call("Where", state["done"], graph.floats(0.0), score)
        used = graph.call("Add", state["count"], graph.constant(1, np.int64))
        full = graph.call("LessOrEqual", self.prompt.allowed, used)
        ending = graph.call("Or", full, graph.call("Equal", token, end))
        ending = graph.call("And", ending, graph.call("Not", is_language))
        return token, score, graph.call("Or", state["done"], ending)

    def _suppressed(self, graph: Graph, logits: str, state: dict[str, str]) -> str:
        """The prompt's pass chooses the first token, for which more is forbidden: that no text begins with its end.

        One that the client began may end at once.
        """
        options = self.options
        if not options.suppressed and not options.suppressed_at_first:
            return logits
        bias = np.zeros((2, self.shape.vocabulary), np.float32)
        bias[:, list(options.suppressed)] = -np.inf
        bias[0, list(options.suppressed_at_first)] = -np.inf
        later = graph.call("Greater", state["count"], graph.constant(0, np.int64))
        if options.suppressed_at_first:
            given = graph.call("Sub", self.prompt.length, graph.ints(1))
            last = graph.call("GatherElements", self.prompt.tokens, given, axis=1)
            is_text = graph.call("And", graph.call("GreaterOrEqual", last, graph.ints(0)),
                                 graph.call("Less", last, graph.ints(options.end)))  # fmt: skip
            later = graph.call("Squeeze", graph.call("Or", is_text, later), graph.ints(1))
        row = graph.call("Cast", later, to=INT64)
        return graph.call("Add", logits, graph.call("Gather", graph.floats(bias), row))

    def _goes_on(self, graph: Graph, done: str, is_language: str) -> str:
        least = graph.call("ReduceMin", graph.call("Cast", done, to=INT64), keepdims=0)
        waiting = graph.call("Equal", least, graph.constant(0, np.int64))
        return graph.call("Or", waiting, is_language)

    def _decoded(self, graph: Graph, final: dict[str, str], tokens: str, scores: str) -> Decoded:
        skipped = graph.call("Unsqueeze", graph.call("Cast", self.prompt.separate, to=INT64), graph.ints(0))
        end = graph.ints(np.iinfo(np.int64).max)
        tokens, scores = (
            graph.call("Transpose", graph.call("Slice", each, skipped, end, graph.ints(0)), perm=[1, 0])
            for each in (tokens, scores)
        )
        looks = None
        if self.watching:
            skipped = graph.call("Mul", skipped, graph.ints(GROUP))
            looks = graph.call("Slice", final["looks"], skipped, end, graph.ints(1))
        return Decoded(tokens, scores, final["language"], final["no_speech"], final["prompt_scores"], looks)
