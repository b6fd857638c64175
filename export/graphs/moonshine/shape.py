"""The sizes of a Moonshine checkpoint, and whether its weights are of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from export.failure import ExportError
from export.graphs.sequence.options import Weights

SAMPLE_RATE = 16_000
# Of the three convolutions.
KERNELS, STRIDES = (127, 7, 3), (64, 3, 2)
FRAME_SAMPLES = 64 * 3 * 2
FIRST_FRAME_SAMPLES = 895  # what the first frame is made of; each after it begins FRAME_SAMPLES later
ACTIVATIONS = {"encoder_hidden_act": "gelu", "decoder_hidden_act": "silu"}


@dataclass(frozen=True)
class Shape:
    """The sizes that config.json records."""

    vocabulary: int
    width: int
    inner: int
    encoder_layers: int
    encoder_heads: int
    decoder_layers: int
    decoder_heads: int
    target_positions: int
    rotated: float  # which part of a head turns with the position
    turn_base: float
    max_seconds: int = 30

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Shape":
        """As Hugging Face's MoonshineConfig names them."""
        _check(config)
        turning = config.get("rope_parameters") or config
        try:
            return cls(
                vocabulary=int(config["vocab_size"]),
                width=int(config["hidden_size"]),
                inner=int(config["intermediate_size"]),
                encoder_layers=int(config["encoder_num_hidden_layers"]),
                encoder_heads=int(config["encoder_num_attention_heads"]),
                decoder_layers=int(config["decoder_num_hidden_layers"]),
                decoder_heads=int(config["decoder_num_attention_heads"]),
                target_positions=int(config["max_position_embeddings"]),
                rotated=float(turning.get("partial_rotary_factor", config.get("partial_rotary_factor", 0.9))),
                turn_base=float(turning.get("rope_theta", 10_000.0)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ExportError(f"config.json is not one of a Moonshine model: {error!r}") from error

    @property
    def max_samples(self) -> int:
        return self.max_seconds * SAMPLE_RATE

    @property
    def head_size(self) -> int:
        return self.width // self.decoder_heads


def _check(config: Mapping[str, Any]) -> None:
    """What a checkpoint may say otherwise, and no published one does."""
    for name, usual in ACTIVATIONS.items():
        if config.get(name, usual) != usual:
            raise ExportError(f"config.json: {name} is {config[name]!r}, only {usual!r} is known")
    heads = {part: config.get(f"{part}_num_attention_heads") for part in ("encoder", "decoder")}
    keys = {part: config.get(f"{part}_num_key_value_heads") or heads[part] for part in heads}
    if len({*heads.values(), *keys.values()}) != 1:
        raise ExportError("config.json: encoder, decoder, keys and values must have the same number of heads")
    turning = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if turning.get("rope_type", "default") != "default":
        raise ExportError(f"config.json: rope_type is {turning['rope_type']!r}, only 'default' is known")


def checked(weights: Weights, shape: Shape) -> None:
    """Refuse weights that are not of this shape; the message names the first that is missing or has another shape."""
    for name, size in expected(shape).items():
        if name not in weights:
            raise ExportError(f"the checkpoint has no {name}: it is not a Moonshine model of this configuration")
        if tuple(weights[name].shape) != size:
            raise ExportError(f"{name} has the shape {tuple(weights[name].shape)}, its configuration wants {size}")
        if not np.isfinite(weights[name]).all():
            raise ExportError(f"{name} holds numbers that are not finite")


def expected(shape: Shape) -> dict[str, tuple[int, ...]]:
    """By Hugging Face's names; no layer but those inside the feed-forward parts and convolutions has a bias."""
    width = shape.width
    found: dict[str, tuple[int, ...]] = {
        "model.encoder.conv1.weight": (width, 1, KERNELS[0]),
        "model.encoder.groupnorm.weight": (width,),
        "model.encoder.groupnorm.bias": (width,),
        "model.encoder.conv2.weight": (2 * width, width, KERNELS[1]),
        "model.encoder.conv2.bias": (2 * width,),
        "model.encoder.conv3.weight": (width, 2 * width, KERNELS[2]),
        "model.encoder.conv3.bias": (width,),
        "model.encoder.layer_norm.weight": (width,),
        "model.decoder.embed_tokens.weight": (shape.vocabulary, width),
        "model.decoder.norm.weight": (width,),
    }
    stacks = (
        ("encoder", shape.encoder_layers, ("self_attn",), ("input", "post_attention"), shape.inner),
        ("decoder", shape.decoder_layers, ("self_attn", "encoder_attn"), ("input", "post_attention", "final"),
         2 * shape.inner),
    )  # fmt: skip
    for stack, layers, attentions, norms, inner in stacks:
        for layer in range(layers):
            name = f"model.{stack}.layers.{layer}"
            found |= {f"{name}.{each}.{part}_proj.weight": (width, width) for each in attentions for part in "qkvo"}
            found |= {f"{name}.{norm}_layernorm.weight": (width,) for norm in norms}
            found |= {f"{name}.mlp.fc1.weight": (inner, width), f"{name}.mlp.fc1.bias": (inner,)}
            found |= {f"{name}.mlp.fc2.weight": (width, shape.inner), f"{name}.mlp.fc2.bias": (width,)}
    return found
