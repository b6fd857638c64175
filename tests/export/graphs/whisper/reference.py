"""Whisper in plain numpy: one clip, one whole pass for each token, nothing kept, nothing masked, nothing batched."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.graphs.whisper.shape import Shape

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    weights: dict[str, NDArray[np.float32]]
    shape: Shape

    def encode(self, samples: NDArray[np.int16]) -> Array:
        """[frames, width]"""
        value = gelu(self._convolve(log_mel(samples, self.shape.mels), "conv1", 1))
        value = gelu(self._convolve(value, "conv2", 2))
        value = value + self.weights["model.encoder.embed_positions.weight"][: len(value)]
        for layer in range(self.shape.encoder_layers):
            name = f"model.encoder.layers.{layer}"
            normed = self._norm(value, f"{name}.self_attn_layer_norm")
            value = value + self._attend(normed, normed, f"{name}.self_attn", self.shape.encoder_heads)[0]
            value = value + self._inner(value, name)
        return self._norm(value, "model.encoder.layer_norm")

    def decode(self, tokens: list[int], heard: Array) -> tuple[Array, list[Array]]:
        """(logits [tokens, vocabulary], each layer's looks at the frames [heads, tokens, frames])"""
        embedding = self.weights["model.decoder.embed_tokens.weight"].astype(np.float64)
        value = embedding[tokens] + self.weights["model.decoder.embed_positions.weight"][: len(tokens)]
        looks = []
        for layer in range(self.shape.decoder_layers):
            name, heads = f"model.decoder.layers.{layer}", self.shape.decoder_heads
            normed = self._norm(value, f"{name}.self_attn_layer_norm")
            value = value + self._attend(normed, normed, f"{name}.self_attn", heads, causal=True)[0]
            normed = self._norm(value, f"{name}.encoder_attn_layer_norm")
            mixed, weights = self._attend(normed, heard, f"{name}.encoder_attn", heads)
            looks.append(weights)
            value = value + mixed
            value = value + self._inner(value, name)
        return self._norm(value, "model.decoder.layer_norm") @ embedding.T, looks

    def ctc(self, heard: Array) -> Array:
        return log_softmax(self._linear(heard, "ctc_head"))

    def _convolve(self, value: Array, name: str, stride: int) -> Array:
        kernel = self.weights[f"model.encoder.{name}.weight"].astype(np.float64)
        padded = np.pad(value, ((1, 1), (0, 0)))
        rows = [np.einsum("oik,ki->o", kernel, padded[at : at + 3]) for at in range(0, len(value), stride)]
        return np.asarray(np.stack(rows) + self.weights[f"model.encoder.{name}.bias"])

    def _linear(self, value: Array, name: str) -> Array:
        product: Array = np.asarray(value @ self.weights[f"{name}.weight"].T.astype(np.float64))
        return np.asarray(product + self.weights.get(f"{name}.bias", np.zeros(1, np.float32)))

    def _norm(self, value: Array, name: str) -> Array:
        middle, spread = value.mean(-1, keepdims=True), value.var(-1, keepdims=True)
        scaled = (value - middle) / np.sqrt(spread + 1e-5)
        return np.asarray(scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])

    def _inner(self, value: Array, name: str) -> Array:
        return self._linear(
            gelu(self._linear(self._norm(value, f"{name}.final_layer_norm"), f"{name}.fc1")), f"{name}.fc2"
        )

    def _attend(self, query: Array, source: Array, name: str, heads: int, causal: bool = False) -> tuple[Array, Array]:
        parts = [(query, "q"), (source, "k"), (source, "v")]
        asked, key, value = (
            self._linear(x, f"{name}.{part}_proj").reshape(len(x), heads, -1).swapaxes(0, 1) for x, part in parts
        )
        scores = asked @ key.swapaxes(1, 2) / math.sqrt(asked.shape[2])
        if causal:
            scores = np.where(np.tri(len(query), dtype=bool), scores, -np.inf)
        looks = np.exp(log_softmax(scores))
        mixed = (looks @ value).swapaxes(0, 1).reshape(len(query), -1)
        return self._linear(mixed, f"{name}.out_proj"), looks


def log_mel(samples: NDArray[np.int16], mels: int) -> Array:
    """[frames, mels], by numpy's Fourier transform."""
    padded = np.pad(samples / 32768, 200, mode="reflect")
    frames = [padded[at : at + 400] for at in range(0, len(samples) // 160 * 160, 160)]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(np.stack(frames) * window)) ** 2
    decades = np.log10(np.maximum(power @ mel_filters(mels).T, 1e-10))
    return np.asarray((np.maximum(decades, decades.max() - 8) + 4) / 4)


def mel_filters(mels: int) -> Array:
    """Slaney's, written down once more: triangles between points even on his scale, of unit area."""
    top = 15 + math.log(8) / (math.log(6.4) / 27)
    points = np.array([m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27) for m in np.linspace(0, top, mels + 2)])
    bins = np.linspace(0, 8000, 201)
    rows = []
    for low, middle, high in zip(points, points[1:], points[2:], strict=False):
        triangle = np.interp(bins, [low, middle, high], [0, 1, 0], left=0, right=0)
        rows.append(triangle * 2 / (high - low))
    return np.stack(rows)


def gelu(value: Array) -> Array:
    return np.asarray(value * 0.5 * (1 + np.vectorize(math.erf)(value / math.sqrt(2))))


def log_softmax(value: Array) -> Array:
    shifted = value - value.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))
