"""The encoder's layers, over the frames that are there and no more."""

from export.graphs.moonshine.front_end import Extent
from export.graphs.moonshine.shape import FRAME_SAMPLES, Shape
from export.graphs.moonshine.turning import Turning
from export.graphs.sequence.layers import Layers
from export.graphs.sequence.passes import Heard
from export.graphs.sequence.places import GROUP


def encode(layers: Layers, frames: str, real: Extent, shape: Shape) -> Heard:
    graph, value = layers.graph, frames
    turning = Turning.below(shape.max_samples // FRAME_SAMPLES + GROUP, layers, shape.encoder_heads, shape)
    for layer in range(shape.encoder_layers):
        name = f"model.encoder.layers.{layer}"
        value = graph.call("Add", value, _attention(layers, value, name, (real.mask, turning)))
        inner = layers.linear(layers.norm(value, f"{name}.post_attention_layernorm"), f"{name}.mlp.fc1")
        value = graph.call("Add", value, layers.linear(layers.gelu(inner), f"{name}.mlp.fc2"))
    states = layers.norm(value, "model.encoder.layer_norm")
    memories = tuple(_memory(layers, states, layer, shape) for layer in range(shape.decoder_layers))
    return Heard(states, memories, real.mask)


def _attention(layers: Layers, value: str, name: str, how: tuple[str, Turning]) -> str:
    mask, turning = how
    graph, heads = layers.graph, turning.heads
    normed = layers.norm(value, f"{name}.input_layernorm")
    names = [f"{name}.self_attn.{part}_proj" for part in "qkv"]
    both = layers.linear(normed, *names, scale=(layers.width / heads) ** -0.5)
    query, key, values = graph.call_many("Split", both, results=3, axis=2)
    query, key = (turning.turn(each, graph.ints(0)) for each in (query, key))
    return layers.linear(layers.hear(heads, query, (key, values), mask), f"{name}.self_attn.o_proj")


def _memory(layers: Layers, states: str, layer: int, shape: Shape) -> tuple[str, str]:
    """Keys and values of one decoder layer, computed once for all steps."""
    names = [f"model.decoder.layers.{layer}.encoder_attn.{part}_proj" for part in "kv"]
    key, value = layers.graph.call_many("Split", layers.linear(states, *names), results=2, axis=2)
    return layers.heads(key, shape.decoder_heads), layers.heads(value, shape.decoder_heads)
