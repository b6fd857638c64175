"""Recognisers in the sizes that are served: the bundled ones, and published Whispers with random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graphs import model_files
from export.graphs.moonshine import apart as moonshine_apart
from export.graphs.moonshine import graph as moonshine_graph
from export.graphs.sequence.apart import Apart
from export.graphs.sequence.options import GraphOptions, Precision
from export.graphs.whisper import apart as whisper_apart
from export.graphs.whisper import graph as whisper_graph
from export.graphs.whisper.shape import Shape, expected
from export.publishing import moonshine
from export.publishing.recipes import BUNDLED_FOLDER, MOONSHINE
from export.sources.bundled import Bundle
from export.sources.moonshine_wheel import OPTIONS, SHAPE, MoonshineWheel

POSITIONS, TEXT_POSITIONS, RATE = 1500, 448, 16_000
PADDED_SECONDS = 30.0  # what published Whispers want to hear, however short the speech


@dataclass(frozen=True)
class Recogniser:
    """A graph in the making: how to build it, and what to ask of it."""

    name: str
    seconds: float  # of sound a row
    prompt: tuple[int, ...]
    decoder_layers: int
    width: int
    vocabulary: int
    frames: int  # that the decoder looks at

    def build(self, precision: Precision) -> onnx.ModelProto:
        raise NotImplementedError

    def apart(self, precision: Precision) -> Apart:
        """The same, to be driven token by token."""
        raise NotImplementedError

    def write(self, precision: Precision, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return model_files.write(self.build(precision), folder)


class Moonshine(Recogniser):
    def build(self, precision: Precision) -> onnx.ModelProto:
        weights = MoonshineWheel(MOONSHINE.source.locate().parent).weights
        return moonshine_graph.build(weights, SHAPE, replace(OPTIONS, precision=precision), moonshine.heads())

    def apart(self, precision: Precision) -> Apart:
        weights = MoonshineWheel(MOONSHINE.source.locate().parent).weights
        return moonshine_apart.build(weights, SHAPE, replace(OPTIONS, precision=precision), moonshine.heads())


class BundledWhisper(Recogniser):
    def build(self, precision: Precision) -> onnx.ModelProto:
        bundle = Bundle(BUNDLED_FOLDER)
        return whisper_graph.build(bundle.weights, bundle.shape, replace(bundle.options, precision=precision))

    def apart(self, precision: Precision) -> Apart:
        bundle = Bundle(BUNDLED_FOLDER)
        return whisper_apart.build(bundle.weights, bundle.shape, replace(bundle.options, precision=precision))


@dataclass(frozen=True)
class RandomWhisper(Recogniser):
    """Of a published size; its words mean nothing, what they cost is the same."""

    shape: Shape

    def build(self, precision: Precision) -> onnx.ModelProto:
        return whisper_graph.build(_random(self.shape), self.shape, self._options(precision))

    def apart(self, precision: Precision) -> Apart:
        return whisper_apart.build(_random(self.shape), self.shape, self._options(precision))

    def _options(self, precision: Precision) -> GraphOptions:
        start, end = self.vocabulary - 1607, self.vocabulary - 1608
        return GraphOptions(start=start, end=end, languages=(start + 1, start + 2), precision=precision)


def bundled() -> Iterator[Recogniser]:
    yield Moonshine("moonshine tiny", 10.0, (OPTIONS.start,), SHAPE.decoder_layers, SHAPE.width, SHAPE.vocabulary, 415)
    shape = Bundle(BUNDLED_FOLDER).shape
    start = Bundle(BUNDLED_FOLDER).tokens.start
    assert start is not None
    yield BundledWhisper("bundled", 5.0, (start, -1), shape.decoder_layers, shape.width, shape.vocabulary, 250)


# width, heads, encoder layers, decoder layers, mels, vocabulary: as the published checkpoints' config.json says.
PUBLISHED = {
    "whisper-base": (512, 8, 6, 6, 80, 51865),
    "whisper-small": (768, 12, 12, 12, 80, 51865),
    "whisper-large-v3-turbo": (1280, 20, 32, 4, 128, 51866),
    "whisper-large-v3": (1280, 20, 32, 32, 128, 51866),
}


def published(names: Iterator[str] | tuple[str, ...] = tuple(PUBLISHED)) -> Iterator[RandomWhisper]:
    for name in names:
        width, heads, encoder, decoder, mels, vocabulary = PUBLISHED[name]
        shape = Shape(vocabulary, mels, width, encoder, heads, decoder, heads, POSITIONS, TEXT_POSITIONS)
        prompt = (vocabulary - 1607, vocabulary - 1606, vocabulary - 1500, vocabulary - 1500)
        yield RandomWhisper(name, PADDED_SECONDS, prompt, decoder, width, vocabulary, POSITIONS, shape)


def _random(shape: Shape) -> dict[str, NDArray[np.float32]]:
    """Cut from one piece of noise: drawing the billions of a large model anew would take minutes."""
    noise = np.random.default_rng(0).standard_normal(1 << 22).astype(np.float32)
    found = {}
    for number, (name, size) in enumerate(expected({}, shape).items()):
        count = int(np.prod(size))
        scale = 1.5 * (count // size[0]) ** -0.5 if len(size) > 1 else 0.02
        middle = 1.0 if "norm.weight" in name else 0.0
        values = np.resize(np.roll(noise, 7919 * number), count).reshape(size)
        found[name] = middle + np.float32(scale if "embed" not in name else 0.3) * values
    return found
