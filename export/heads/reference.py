"""What the heads compute, in numpy: the reference for graphs, and the form of export/bundled/heads.safetensors.

Both take the last layer of Moonshine's encoder (after its final norm) as frames [B, T, 288] and a mask [B, T] that is 1
on a clip's own frames and 0 on padding. All arrays are plain: normalisations and the temperature are folded in.

LANGUAGE: M members, `language.0.*` to `language.{M-1}.*`, whose logits are averaged; W = 64, C classes.

    input.weight [W, 288], input.bias [W]       h = relu(frames . weight^T + bias) * mask
    conv0.weight [W, W, 5], conv0.bias [W]      h = (h + relu(conv(h) + bias)) * mask; over time, padded by 2 zeros
    conv1.weight [W, W, 5], conv1.bias [W]      the same with dilation 2, padded by 4
    attention.weight [W]                        a = softmax over a clip's own frames of h . weight
                                                mean = sum(a h); deviation = sqrt(max(sum(a h^2) - mean^2, 1e-5))
    hidden.weight [64, 2 W], hidden.bias [64]   k = relu(weight . (mean, deviation) + bias)
    output.weight [C, 64], output.bias [C]      logits = weight . k + bias

The probabilities are the softmax of the averaged logits. The last class is "none of these"; PROBABILITY is all before
it in the order of `languages` (the file's metadata), so that what is missing to 1 is none of these.

SPEECH: `speech.*`, V = 32.

    input.weight [V, 288], input.bias [V]       h = relu(frames . weight^T + bias) * mask
    conv.weight [V, V, 5], conv.bias [V]        h = (h + relu(conv(h) + bias)) * mask; padded by 2 zeros
    output.weight [V], output.bias [1]          z = h . weight + bias
                                                no speech = 1 - sigmoid(max of z over a clip's own frames)

A clip without any frame of its own has no language (all 0) and no speech (1).
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.sources.safetensors import LENGTH_BYTES, read_arrays

WEIGHTS = Path("export/bundled/heads.safetensors")
WIDTH = 288
LEAST_VARIANCE = 1e-5
_FAR_BELOW = -80.0  # e to its power is nothing, and no overflow
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    languages: Array  # [B, languages]: what is missing to 1 is none of these
    no_speech: Array  # [B]


class Heads:
    """The heads of a file."""

    def __init__(self, arrays: dict[str, Array], languages: tuple[str, ...]) -> None:
        self.arrays, self.languages = arrays, languages
        self.members = len({name.split(".")[1] for name in arrays if name.startswith("language.")})

    def scores(self, frames: Array, mask: Array) -> Scores:
        mask = mask.astype(np.float32)
        heard = mask.any(1)
        logits = np.mean([self._logits(frames, mask, f"language.{member}.") for member in range(self.members)], 0)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        probabilities = powers / powers.sum(1, keepdims=True)
        speech = 1 / (1 + np.exp(-self._speech(frames, mask)))
        return Scores(probabilities[:, :-1] * heard[:, None], np.where(heard, 1 - speech, 1).astype(np.float32))

    def _logits(self, frames: Array, mask: Array, member: str) -> Array:
        given = self.arrays
        hidden = self._rectified(frames, mask, member)
        for number in (0, 1):
            hidden = self._convolved(hidden, mask, f"{member}conv{number}", number + 1)
        attention = np.where(mask > 0, hidden @ given[f"{member}attention.weight"], _FAR_BELOW)
        shares = np.exp(attention - attention.max(1, keepdims=True))
        shares = (shares / shares.sum(1, keepdims=True))[:, :, None]
        mean = (shares * hidden).sum(1)
        variance = (shares * hidden**2).sum(1) - mean**2
        pooled = np.concatenate([mean, np.sqrt(np.maximum(variance, LEAST_VARIANCE))], 1)
        known = np.maximum(pooled @ given[f"{member}hidden.weight"].T + given[f"{member}hidden.bias"], 0)
        return np.asarray(known @ given[f"{member}output.weight"].T + given[f"{member}output.bias"], np.float32)

    def _speech(self, frames: Array, mask: Array) -> Array:
        hidden = self._convolved(self._rectified(frames, mask, "speech."), mask, "speech.conv", 1)
        logits = hidden @ self.arrays["speech.output.weight"] + self.arrays["speech.output.bias"]
        return np.asarray(np.where(mask > 0, logits, _FAR_BELOW).max(1), np.float32)

    def _rectified(self, frames: Array, mask: Array, head: str) -> Array:
        weight, bias = self.arrays[f"{head}input.weight"], self.arrays[f"{head}input.bias"]
        return np.asarray(np.maximum(frames @ weight.T + bias, 0) * mask[:, :, None], np.float32)

    def _convolved(self, hidden: Array, mask: Array, name: str, dilation: int) -> Array:
        weight = self.arrays[f"{name}.weight"]
        taps = weight.shape[2]
        reach = taps // 2 * dilation
        padded = np.pad(hidden, ((0, 0), (reach, reach), (0, 0)))
        length = hidden.shape[1]
        parts = [padded[:, tap * dilation :][:, :length] @ weight[:, :, tap].T for tap in range(taps)]
        return np.asarray((hidden + np.maximum(sum(parts) + self.arrays[f"{name}.bias"], 0)) * mask[:, :, None])


def read(path: Path = WEIGHTS) -> Heads:
    return Heads(read_arrays(path), languages(path))


def languages(path: Path) -> tuple[str, ...]:
    """The languages in the order of the probabilities, from the file's metadata."""
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(LENGTH_BYTES))
        header = json.loads(file.read(header_bytes))
    return tuple(header["__metadata__"]["languages"].split())
