"""The decoder over new tokens, after those whose keys and values it keeps."""

from dataclasses import dataclass

from export.graphs.building import Graph
from export.graphs.sequence.embedding import Embedding
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.listening import Ears
from export.graphs.sequence.passes import Heard, Passed, Step
from export.graphs.whisper.shape import Shape


@dataclass(frozen=True)
class WhisperDecoder:
    """Written into the body of the loop, with its weights; `heard` comes from the graph around it."""

    layers: Layers
    shape: Shape
    heard: Heard
    watched: tuple[tuple[int, int], ...]  # (layer, head) whose looks are averaged

    @property
    def graph(self) -> Graph:
        return self.layers.graph

    def run(self, step: Step) -> Passed:
        ears = Ears(self.layers, self.heard, self.shape.decoder_heads, self.watched)
        value = self._embedded(step)
        kept: list[tuple[str, str]] = []
        looks: list[str] = []
        for layer in range(self.shape.decoder_layers):
            name = f"model.decoder.layers.{layer}"
            mixed, memory = self._recall(value, (name, layer), step)
            kept.append(memory)
            value = self.graph.call("Add", value, mixed)
            normed = self.layers.norm(value, f"{name}.encoder_attn_layer_norm")
            asked = self.layers.linear(normed, f"{name}.encoder_attn.q_proj", scale=self._scale)
            mixed, chosen = ears.listen(asked, layer)
            looks += chosen
            value = self.graph.call("Add", value, self.layers.linear(mixed, f"{name}.encoder_attn.out_proj"))
            value = self.layers.feed_forward(value, name)
        return Passed(value, tuple(kept), ears.mean(looks))

    def logits(self, states: str) -> str:
        return self._embedding.logits(self.layers.norm(states, "model.decoder.layer_norm"))

    @property
    def _embedding(self) -> Embedding:
        return Embedding(self.layers, "model.decoder.embed_tokens.weight")

    def _embedded(self, step: Step) -> str:
        graph = self.graph
        places = self.layers.array(self.layers.weights["model.decoder.embed_positions.weight"])
        return graph.call("Add", self._embedding.look_up(step.tokens), graph.call("Gather", places, step.positions))

    def _recall(self, value: str, place: tuple[str, int], step: Step) -> tuple[str, tuple[str, str]]:
        name, layer = place
        normed = self.layers.norm(value, f"{name}.self_attn_layer_norm")
        names = [f"{name}.self_attn.{part}_proj" for part in "qkv"]
        both = self.layers.linear(normed, *names, scale=self._scale)
        new = self.graph.call_many("Split", both, results=3, axis=2)
        mixed, memory = step.past.mix(self.layers, self.shape.decoder_heads, layer, new)
        return self.layers.linear(mixed, f"{name}.self_attn.out_proj"), memory

    @property
    def _scale(self) -> float:
        return float((self.shape.width / self.shape.decoder_heads) ** -0.5)
