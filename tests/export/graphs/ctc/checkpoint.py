"""wav2vec2 checkpoints of any shape with random weights."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from export.graphs.ctc.shape import Convolution, Shape

Weights = dict[str, NDArray[np.float32]]
SMALL = Shape(
    classes=12,
    blank=0,
    width=32,
    heads=4,
    layers=2,
    convolutions=(Convolution(10, 5), Convolution(8, 8), Convolution(8, 8)),
    position_kernel=16,
    position_groups=4,
    epsilon=1e-5,
    normalises_audio=True,
    normalises_each_frame=False,
    norm_first=False,
)


@dataclass
class _Drawn:
    random: np.random.Generator
    weights: Weights = field(default_factory=dict)

    def linear(self, name: str, *size: int) -> None:
        spread = 1.5 * float(np.prod(size[1:])) ** -0.5
        self.weights[f"{name}.weight"] = (spread * self.random.standard_normal(size)).astype(np.float32)
        self.weights[f"{name}.bias"] = (0.02 * self.random.standard_normal(size[:1])).astype(np.float32)

    def norm(self, name: str, size: int) -> None:
        self.weights[f"{name}.weight"] = (1 + 0.1 * self.random.standard_normal(size)).astype(np.float32)
        self.weights[f"{name}.bias"] = (0.1 * self.random.standard_normal(size)).astype(np.float32)

    def layer(self, name: str, width: int) -> None:
        for part in "qkv":
            self.linear(f"{name}.attention.{part}_proj", width, width)
        self.linear(f"{name}.attention.out_proj", width, width)
        self.linear(f"{name}.feed_forward.intermediate_dense", 2 * width, width)
        self.linear(f"{name}.feed_forward.output_dense", width, 2 * width)
        for part in ("layer_norm", "final_layer_norm"):
            self.norm(f"{name}.{part}", width)


def weights(shape: Shape = SMALL, seed: int = 1) -> Weights:
    drawn = _Drawn(np.random.default_rng(seed))
    channels = 1
    for number, layer in enumerate(shape.convolutions):
        name = f"wav2vec2.feature_extractor.conv_layers.{number}"
        drawn.linear(f"{name}.conv", shape.width, channels, layer.kernel)
        if shape.normalises_each_frame or number == 0:
            drawn.norm(f"{name}.layer_norm", shape.width)
        channels = shape.width
    drawn.norm("wav2vec2.feature_projection.layer_norm", channels)
    drawn.linear("wav2vec2.feature_projection.projection", shape.width, channels)
    grouped = shape.width // shape.position_groups
    drawn.linear("wav2vec2.encoder.pos_conv_embed.conv", shape.width, grouped, shape.position_kernel)
    drawn.norm("wav2vec2.encoder.layer_norm", shape.width)
    for number in range(shape.layers):
        drawn.layer(f"wav2vec2.encoder.layers.{number}", shape.width)
    drawn.linear("lm_head", shape.classes, shape.width)
    return drawn.weights
