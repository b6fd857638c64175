"""Small heads on the encoder's last layer: which language is spoken, and whether anybody speaks.

Members of the language head look at the frames through two convolutions and pool them to a mean and a deviation, by
shares that they choose; their logits are averaged, and the last class is none of the languages. The speech head asks of
each frame whether there is a voice in it: the surest one decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.graphs.building import FLOAT, Graph
from export.graphs.sequence.options import Weights
from export.graphs.sequence.passes import Heard

LEAST_VARIANCE = 1e-5
FAR_BELOW = -1e9  # of the score of a frame that is not a row's own


@dataclass(frozen=True)
class Heads:
    """Their arrays by name, and the languages in the order of the classes."""

    arrays: Weights
    languages: tuple[str, ...]

    @property
    def members(self) -> int:
        return len({name.split(".")[1] for name in self.arrays if name.startswith("language.")})


@dataclass(frozen=True)
class Hearing:
    """The heads over what was heard, always in single precision."""

    graph: Graph
    heads: Heads
    frames: str  # FP32 [batch, frames, width]
    inside: str  # 1 for each frame that is a row's own, FP32 [batch, 1, frames]

    @classmethod
    def of(cls, graph: Graph, heads: Heads, heard: Heard) -> "Hearing":
        inside = graph.call("Unsqueeze", graph.call("Cast", heard.mask, to=FLOAT), graph.ints(1))
        return cls(graph, heads, graph.call("Cast", heard.states, to=FLOAT), inside)

    def languages(self) -> str:
        """FP32 [batch, languages]: what is missing to 1 is none of them."""
        graph = self.graph
        logits = [self._logits(f"language.{member}") for member in range(self.heads.members)]
        every = graph.call("Softmax", graph.call("Mean", *logits), axis=1)
        return graph.call("Slice", every, graph.ints(0), graph.ints(len(self.heads.languages)), graph.ints(1))

    def no_speech(self) -> str:
        """FP32 [batch, 1]"""
        graph = self.graph
        hidden = self._convolved(self._rectified("speech"), "speech.conv", 1)
        score = graph.call("ReduceMax", self._scored(hidden, "speech.output"), axes=[2], keepdims=0)
        score = graph.call("Add", score, self._array("speech.output.bias"))
        return graph.call("Sigmoid", graph.call("Neg", score))

    def _logits(self, member: str) -> str:
        graph = self.graph
        hidden = self._rectified(member)
        for number in (0, 1):
            hidden = self._convolved(hidden, f"{member}.conv{number}", number + 1)
        shares = graph.call("Softmax", self._scored(hidden, f"{member}.attention"), axis=2)
        pooled = graph.call("Concat", *self._pooled(hidden, shares), axis=1)
        known = graph.call("Relu", self._linear(pooled, f"{member}.hidden"))
        return self._linear(known, f"{member}.output")

    def _pooled(self, hidden: str, shares: str) -> Sequence[str]:
        """Mean and deviation over time: [batch, width] each."""
        graph = self.graph
        mean, squares = (
            graph.call("ReduceSum", graph.call("Mul", each, shares), graph.ints(2), keepdims=0)
            for each in (hidden, graph.call("Mul", hidden, hidden))
        )
        variance = graph.call("Sub", squares, graph.call("Mul", mean, mean))
        return mean, graph.call("Sqrt", graph.call("Max", variance, graph.floats(LEAST_VARIANCE)))

    def _rectified(self, head: str) -> str:
        """[batch, width, frames]; 0 where a frame is not a row's own."""
        graph = self.graph
        value = graph.call("Relu", self._linear(self.frames, f"{head}.input"))
        return graph.call("Mul", graph.call("Transpose", value, perm=[0, 2, 1]), self.inside)

    def _convolved(self, hidden: str, name: str, dilation: int) -> str:
        graph = self.graph
        reach = self.heads.arrays[f"{name}.weight"].shape[2] // 2 * dilation
        parts = (self._array(f"{name}.weight"), self._array(f"{name}.bias"))
        seen = graph.call("Conv", hidden, *parts, pads=[reach, reach], dilations=[dilation])
        return graph.call("Mul", graph.call("Add", hidden, graph.call("Relu", seen)), self.inside)

    def _scored(self, hidden: str, name: str) -> str:
        """[batch, 1, frames]"""
        graph = self.graph
        weight = graph.floats(np.reshape(self.heads.arrays[f"{name}.weight"], (1, -1)))
        outside = graph.call("Mul", graph.call("Sub", graph.floats(1.0), self.inside), graph.floats(FAR_BELOW))
        return graph.call("Add", graph.call("MatMul", weight, hidden), outside)

    def _linear(self, value: str, name: str) -> str:
        weight = self.graph.floats(self.heads.arrays[f"{name}.weight"].T)
        return self.graph.call("Add", self.graph.call("MatMul", value, weight), self._array(f"{name}.bias"))

    def _array(self, name: str) -> str:
        return self.graph.floats(self.heads.arrays[name])
