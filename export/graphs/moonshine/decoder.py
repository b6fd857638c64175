"""The decoder over new tokens, after those whose keys and values it keeps."""

from dataclasses import dataclass

from export.graphs.moonshine.shape import Shape
from export.graphs.moonshine.turning import Turning
from export.graphs.sequence.embedding import Embedding
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.listening import Ears
from export.graphs.sequence.passes import Heard, Passed, Step


@dataclass(frozen=True)
class MoonshineDecoder:
    """Written into the body of the loop, with its weights; `heard` comes from the graph around it."""

    layers: Layers
    shape: Shape
    heard: Heard
    watched: tuple[tuple[int, int], ...]  # (layer, head) whose looks are averaged

    def run(self, step: Step) -> Passed:
        layers, graph, heads = self.layers, self.layers.graph, self.shape.decoder_heads
        ears = Ears(layers, self.heard, heads, self.watched)
        turning = Turning.below(self.shape.target_positions, layers, heads, self.shape)
        turning = turning if step.bounded else turning.lengthened(graph.size(step.tokens, 1))
        value = self._embedding.look_up(step.tokens)
        kept: list[tuple[str, str]] = []
        looks: list[str] = []
        for layer in range(self.shape.decoder_layers):
            name = f"model.decoder.layers.{layer}"
            query, key, values = self._recalling(layers.norm(value, f"{name}.input_layernorm"), name)
            query, key = (turning.turn(each, step.positions) for each in (query, key))
            mixed, memory = step.past.mix(layers, heads, layer, (query, key, values))
            kept.append(memory)
            value = graph.call("Add", value, layers.linear(mixed, f"{name}.self_attn.o_proj"))
            normed = layers.norm(value, f"{name}.post_attention_layernorm")
            asked = layers.linear(normed, f"{name}.encoder_attn.q_proj", scale=self._scale)
            mixed, chosen = ears.listen(asked, layer)
            looks += chosen
            value = graph.call("Add", value, layers.linear(mixed, f"{name}.encoder_attn.o_proj"))
            value = graph.call("Add", value, self._inner(layers.norm(value, f"{name}.final_layernorm"), name))
        return Passed(value, tuple(kept), ears.mean(looks))

    def logits(self, states: str) -> str:
        return self._embedding.logits(self.layers.norm(states, "model.decoder.norm"))

    @property
    def _embedding(self) -> Embedding:
        return Embedding(self.layers, "model.decoder.embed_tokens.weight")

    @property
    def _scale(self) -> float:
        return float(self.shape.head_size**-0.5)

    def _recalling(self, normed: str, name: str) -> list[str]:
        """Queries, keys and values of the new tokens."""
        names = [f"{name}.self_attn.{part}_proj" for part in "qkv"]
        both = self.layers.linear(normed, *names, scale=self._scale)
        return self.layers.graph.call_many("Split", both, results=3, axis=2)

    def _inner(self, normed: str, name: str) -> str:
        """Half of what comes in decides how much of the other half goes on."""
        graph = self.layers.graph
        value, gate = graph.call_many("Split", self.layers.linear(normed, f"{name}.mlp.fc1"), results=2, axis=2)
        opened = graph.call("Mul", gate, graph.call("Sigmoid", gate))
        return self.layers.linear(graph.call("Mul", opened, value), f"{name}.mlp.fc2")
