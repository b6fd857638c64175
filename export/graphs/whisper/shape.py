"""The sizes of a Whisper checkpoint, and whether its weights are of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from export.failure import ExportError
from export.graphs.sequence.options import Weights

SAMPLE_RATE, HOP_SAMPLES = 16_000, 160
FRAME_SAMPLES = 2 * HOP_SAMPLES  # of an encoder frame: the second convolution halves the rate
CTC_HEAD = "ctc_head"
PROJECTIONS = ("k", "v", "q", "out")


@dataclass(frozen=True)
class Shape:
    """The sizes that config.json records."""

    vocabulary: int
    mels: int
    width: int
    encoder_layers: int
    encoder_heads: int
    decoder_layers: int
    decoder_heads: int
    source_positions: int
    target_positions: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Shape":
        """As Hugging Face's WhisperConfig names them."""
        try:
            return cls(
                vocabulary=int(config["vocab_size"]),
                mels=int(config["num_mel_bins"]),
                width=int(config["d_model"]),
                encoder_layers=int(config["encoder_layers"]),
                encoder_heads=int(config["encoder_attention_heads"]),
                decoder_layers=int(config["decoder_layers"]),
                decoder_heads=int(config["decoder_attention_heads"]),
                source_positions=int(config["max_source_positions"]),
                target_positions=int(config["max_target_positions"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ExportError(f"config.json is not one of a Whisper model: {error!r}") from error

    @property
    def max_samples(self) -> int:
        return self.source_positions * FRAME_SAMPLES


def alignment(weights: Weights) -> Literal["ctc", "attention"]:
    """What the output ALIGNMENT of these weights' graph holds."""
    return "ctc" if f"{CTC_HEAD}.weight" in weights else "attention"


def checked(weights: Weights, shape: Shape) -> None:
    """Refuse weights that are not of this shape; the message names the first that is missing or has another shape."""
    for name, size in expected(weights, shape).items():
        if name not in weights:
            raise ExportError(f"the checkpoint has no {name}: it is not a Whisper model of this configuration")
        if tuple(weights[name].shape) != size:
            raise ExportError(f"{name} has the shape {tuple(weights[name].shape)}, config.json wants {size}")
        if not np.isfinite(weights[name]).all():
            raise ExportError(f"{name} holds numbers that are not finite")


def expected(weights: Weights, shape: Shape) -> dict[str, tuple[int, ...]]:
    """Each array of a checkpoint of this shape by its name; of a CTC head and of wider layers the weights tell."""
    width = shape.width
    sizes: dict[str, tuple[int, ...]] = {
        "model.encoder.conv1.weight": (width, shape.mels, 3),
        "model.encoder.conv1.bias": (width,),
        "model.encoder.conv2.weight": (width, width, 3),
        "model.encoder.conv2.bias": (width,),
        "model.encoder.embed_positions.weight": (shape.source_positions, width),
        "model.decoder.embed_tokens.weight": (shape.vocabulary, width),
        "model.decoder.embed_positions.weight": (shape.target_positions, width),
    }
    if f"{CTC_HEAD}.weight" in weights:
        classes = len(weights[f"{CTC_HEAD}.weight"])
        sizes |= {f"{CTC_HEAD}.weight": (classes, width), f"{CTC_HEAD}.bias": (classes,)}
    for stack, layers in (("encoder", shape.encoder_layers), ("decoder", shape.decoder_layers)):
        sizes |= _norm(f"model.{stack}.layer_norm", width)
        attentions = ("self_attn", "encoder_attn") if stack == "decoder" else ("self_attn",)
        for layer in range(layers):
            name = f"model.{stack}.layers.{layer}"
            for attention in attentions:
                sizes |= _attention(f"{name}.{attention}", width)
            sizes |= _feed_forward(weights, name, width)
    return sizes


def _attention(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Keys have no bias."""
    matrices: dict[str, tuple[int, ...]] = {f"{name}.{part}_proj.weight": (width, width) for part in PROJECTIONS}
    biases = {f"{name}.{part}_proj.bias": (width,) for part in PROJECTIONS if part != "k"}
    return matrices | biases | _norm(f"{name}_layer_norm", width)


def _feed_forward(weights: Weights, name: str, width: int) -> dict[str, tuple[int, ...]]:
    """It is as wide inside as it says."""
    inner = weights[f"{name}.fc1.bias"].shape[0] if f"{name}.fc1.bias" in weights else 4 * width
    sizes: dict[str, tuple[int, ...]] = {f"{name}.fc1.weight": (inner, width), f"{name}.fc1.bias": (inner,)}
    sizes |= {f"{name}.fc2.weight": (width, inner), f"{name}.fc2.bias": (width,)}
    return sizes | _norm(f"{name}.final_layer_norm", width)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (width,) for part in ("weight", "bias")}
