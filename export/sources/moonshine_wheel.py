"""Moonshine tiny-en out of its authors' wheel: int8 graphs in ONNX Runtime's format as named arrays, and a vocabulary.

The graphs were made by PyTorch's exporter of the model that the hub has, so their nodes tell which parameter they hold:
`/layers.0/mlp/fc1/MatMul_quant` is the encoder's `layers.0.mlp.fc1.weight`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.failure import ExportError
from export.graphs.moonshine.shape import Shape, checked, expected
from export.graphs.sequence.options import GraphOptions
from export.publishing.asr_version import Tokens
from export.sources.byte_pairs import byte_pair_tokenizer
from export.sources.ort_format import every_graph, read_graph

Array = NDArray[Any]
ENCODER, DECODER, VOCABULARY = "encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"
SHA256 = {
    ENCODER: "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    DECODER: "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    VOCABULARY: "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
}
# The published configuration of the tiny model (UsefulSensors/moonshine-tiny on the hub).
CONFIG = {
    "vocab_size": 32_768,
    "hidden_size": 288,
    "intermediate_size": 1152,
    "encoder_num_hidden_layers": 6,
    "encoder_num_attention_heads": 8,
    "decoder_num_hidden_layers": 6,
    "decoder_num_attention_heads": 8,
    "max_position_embeddings": 194,
    "partial_rotary_factor": 0.9,
    "rope_theta": 10_000.0,
}
SHAPE = Shape.from_config(CONFIG)
UNKNOWN, START, END, FIRST_BYTE, FIRST_SPECIAL = 0, 1, 2, 3, 32_000
TOKENS = Tokens(end=END, first_special=FIRST_SPECIAL, start=START)
WORD_OFFSET_SECONDS = 0.036
OPTIONS = GraphOptions(
    start=START,
    end=END,
    suppressed=(UNKNOWN, START, *range(FIRST_SPECIAL, SHAPE.vocabulary)),
    # Of all 48 those that together are nearest to a forced alignment of 792 words of human readers: starts 34 ms off at
    # the median (330 words of a synthesizer: 33 ms), once what they are early by is added.
    alignment_heads=((3, 0), (3, 7), (5, 6)),
)
# Inputs of the two operators that multiply with an int8 matrix: matrix, scale, zero.
MULTIPLIERS = {"MatMulIntegerToFloat": (1, 3, 5), "DynamicQuantizeMatMul": (1, 2, 3)}
MULTIPLIED = re.compile(r"/(.+)/MatMul_quant")
PLAIN = re.compile(r"(.+\.(?:weight|bias))(?:_merged_0|_add_tensor)?")
LOOKED_UP = "model.decoder.embed_tokens.weight"
GROUP_NORM = {"/groupnorm/Mul": "groupnorm.weight", "/groupnorm/Add": "groupnorm.bias"}


@dataclass(frozen=True)
class MoonshineWheel:
    """The folder of the three files."""

    folder: Path

    @cached_property
    def sha256(self) -> dict[str, str]:
        """Raises where a file is not the one that was published."""
        found = {name: self._digest(name) for name in SHA256}
        for name, digest in found.items():
            if digest != SHA256[name]:
                raise ExportError(f"{self.folder / name} is not the file of moonshine-voice 0.1.0 (SHA-256 {digest})")
        return found

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """By Hugging Face's names, in single precision."""
        assert self.sha256
        found = {f"model.encoder.{name}": array for name, array in named(read_graph(self.folder / ENCODER)).items()}
        found |= named(read_graph(self.folder / DECODER))
        weights = {name: found[name] for name in expected(SHAPE) if name in found}
        checked(weights, SHAPE)
        return weights

    @cached_property
    def tokenizer(self) -> str:
        """The content of tokenizer.json."""
        assert self.sha256
        return byte_pair_tokenizer(pieces((self.folder / VOCABULARY).read_bytes()), FIRST_BYTE, FIRST_SPECIAL)

    def _digest(self, name: str) -> str:
        try:
            with (self.folder / name).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ExportError(f"{self.folder / name} cannot be read: {error}") from error


def named(graph: onnx.GraphProto) -> dict[str, NDArray[np.float32]]:
    """The parameters of a graph by the names of the modules that had them."""
    graphs = list(every_graph(graph))
    constants = {tensor.name: tensor for each in graphs for tensor in each.initializer}
    found = {
        plain[1]: numpy_helper.to_array(tensor)
        for name, tensor in constants.items()
        if (plain := PLAIN.fullmatch(name)) and tensor.data_type == onnx.TensorProto.FLOAT
    }
    for node in (node for each in graphs for node in each.node):
        found.update(_multiplied(node, constants))
        if node.name in GROUP_NORM:
            found[GROUP_NORM[node.name]] = numpy_helper.to_array(constants[node.input[1]]).reshape(-1)
        if node.op_type == "Gather" and node.input[0].startswith(LOOKED_UP):
            stem = node.input[0].removesuffix("_quantized")
            found[LOOKED_UP] = _exact(constants, node.input[0], f"{stem}_scale", f"{stem}_zero_point")
    return found


def _multiplied(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> Iterator[tuple[str, Array]]:
    places, module = MULTIPLIERS.get(node.op_type), MULTIPLIED.fullmatch(node.name)
    if places and module:
        matrix = _exact(constants, *(node.input[place] for place in places))
        yield f"{module[1].replace('/', '.')}.weight", np.ascontiguousarray(matrix.T)


def _exact(constants: Mapping[str, onnx.TensorProto], *names: str) -> NDArray[np.float32]:
    values, scale, zero = (numpy_helper.to_array(constants[name]) for name in names)
    return np.asarray((values.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)


def pieces(content: bytes) -> list[bytes]:
    """Each behind its length: one byte, or two from 128 on."""
    found: list[bytes] = []
    place = 0
    while place < len(content):
        length = content[place]
        place += 1
        if length >= 128 and place < len(content):
            length += 128 * content[place] - 128
            place += 1
        if place + length > len(content):
            raise ExportError(f"{VOCABULARY} is truncated: piece {len(found)} ends behind it")
        found.append(content[place : place + length])
        place += length
    return found
