"""A graph that writes text against the reference implementation, and each row of a batch against itself.

Compared are the encoder's states, the log-probabilities of given texts and every greedy choice. Of a choice the graph
may take a token that the reference finds as likely as its own, within the tolerance: which of two equals is the
largest is nobody's mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graphs import model_files
from export.graphs.runtime import Runner
from export.parity.originals.sounds import padded

GREEDY_TOKENS = 32
FULL_SCALE = 32768
Array = NDArray[Any]


class Original(Protocol):
    """The reference implementation with the checkpoint's own parameters."""

    def states(self, clip: Array) -> Array:
        """What the encoder makes of one clip: [frames, width]."""
        ...

    def logits(self, states: Array, text: Sequence[int]) -> Array:
        """In double precision, [tokens, vocabulary]."""
        ...


@dataclass(frozen=True)
class Subject:
    """What is to be compared: given texts, of which the first tokens are the task, and what a graph may not write."""

    encoder_layers: int
    texts: Sequence[list[int]]
    task_tokens: int
    end: int
    suppressed: Sequence[int]
    suppressed_first: Sequence[int] = ()


@dataclass(frozen=True)
class Said:
    """What a graph answers about one clip: it hears, judges given texts, and writes one of its own."""

    states: Array  # [frames, width], of a graph a few more frames than there are
    judged: Array  # log-probabilities [texts, tokens]
    tokens: Array
    scores: Array


def measure(path: Path, original: Original, subject: Subject, clips: Sequence[Array]) -> dict[str, float]:
    """The largest differences; of the encoder's states as parts of the largest state, where that is above 1."""
    graph = Exported(path, subject)
    together = graph.hear(clips)
    comparison = Comparison(graph, original, subject)
    differences = [comparison.difference(clip, row) for clip, row in zip(clips, together, strict=True)]
    return {name: max(each[name] for each in differences) for name in differences[0]}


class Exported:
    """The exported graph, with the encoder's states laid open."""

    def __init__(self, path: Path, subject: Subject) -> None:
        self._subject = subject
        self._states = _states_name(path, subject.encoder_layers)
        opened = path.with_name("opened.onnx")
        model_files.add_output(path, self._states, opened)
        self._runner = Runner(opened)
        opened.unlink()

    def hear(self, clips: Sequence[Array]) -> list[Said]:
        audio, lengths = padded(list(clips))
        sounds: dict[str, Array] = {"AUDIO": audio, "LENGTH": lengths}
        texts = self._subject.texts
        judged = [self._run(sounds, text, 0)[1] for text in texts]
        states, _, tokens, scores = self._run(sounds, texts[0][: self._subject.task_tokens], GREEDY_TOKENS)
        return [
            Said(
                states[row].astype(np.float32),
                np.stack([each[row, 1:] for each in judged]),
                tokens[row],
                scores[row],
            )
            for row in range(len(clips))
        ]

    def _run(self, sounds: dict[str, Array], prompt: list[int], most: int) -> list[Array]:
        rows = len(sounds["AUDIO"])
        inputs = {
            **sounds,
            "PROMPT": np.array([prompt] * rows, np.int32),
            "PROMPT_LENGTH": np.full((rows, 1), len(prompt), np.int32),
            "MAX_TOKENS": np.full((rows, 1), most, np.int32),
        }
        names = (self._states, "PROMPT_LOG_PROBABILITY", "TOKEN", "LOG_PROBABILITY")
        found = self._runner.run(inputs, *names)
        return [found[name] for name in names]


@dataclass(frozen=True)
class Comparison:
    graph: Exported
    original: Original
    subject: Subject

    def difference(self, clip: Array, in_batch: Said) -> dict[str, float]:
        (alone,) = self.graph.hear([clip])
        states = self.original.states(clip)
        scale = max(1.0, float(np.abs(states).max()))
        judged = np.stack([self._judged(states, text) for text in self.subject.texts])
        behind, scores = self._choices(states, alone.tokens)
        found = {
            "states_difference": _largest(alone.states[: len(states)] - states) / scale,
            "log_probability_difference": max(_largest(alone.judged - judged), _largest(alone.scores - scores)),
            "choice_difference": _largest(behind),
            "batch_difference": max(
                _largest(in_batch.states[: len(states)] - alone.states[: len(states)]) / scale,
                _largest(in_batch.judged - alone.judged),
            ),
            "different_tokens_in_batch": float(self._cut(in_batch) != self._cut(alone)),
        }
        difference = max(found["states_difference"], found["log_probability_difference"], found["choice_difference"])
        return {"max_difference": difference, **found}

    def _judged(self, states: Array, text: list[int]) -> Array:
        """The log-probability of each token of a text after those before it."""
        scores = log_softmax(self.original.logits(states, text))
        return np.asarray(scores[np.arange(len(text) - 1), text[1:]])

    def _choices(self, states: Array, tokens: Array) -> tuple[Array, Array]:
        """How much likelier the reference's own choice is at each step, and its log-probability of the graph's."""
        subject = self.subject
        task, end = subject.texts[0][: subject.task_tokens], subject.end
        chosen = tokens.tolist()
        chosen = chosen[: chosen.index(end) + 1] if end in chosen else chosen
        logits = self.original.logits(states, [*task, *chosen[:-1]])[len(task) - 1 :].copy()
        logits[:, list(subject.suppressed)] = -np.inf
        logits[0, list(subject.suppressed_first)] = -np.inf
        scores = log_softmax(logits)
        own = scores[np.arange(len(chosen)), chosen]
        silence = np.zeros(len(tokens) - len(chosen), np.float32)  # the graph's scores are 0 behind the end
        return scores.max(1) - own, np.concatenate([own, silence])

    def _cut(self, said: Said) -> list[int]:
        tokens: list[int] = said.tokens.tolist()
        return tokens[: tokens.index(self.subject.end)] if self.subject.end in tokens else tokens


def log_softmax(logits: Array) -> Array:
    return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))


def _largest(values: Array) -> float:
    return float(np.abs(values).max())


def _states_name(path: Path, layers: int) -> str:
    """What the encoder's last norm gives: two come before it in each layer."""
    nodes = onnx.load_model(path, load_external_data=False).graph.node
    norms = [node for node in nodes if node.op_type == "LayerNormalization"]
    return str(norms[2 * layers].output[0])
