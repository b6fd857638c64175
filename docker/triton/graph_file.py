"""What an ONNX file says of itself, read with the standard library: its format, and what tensors it takes and gives.

Weights and nodes are passed over unread, so that a file of gigabytes takes milliseconds. Shapes are as declared: what
inference finds beyond that only ONNX Runtime knows.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.triton.agreement import OPEN, Signature, Tensor

# TensorProto.DataType by its numbers, as config.pbtxt names them; empty: unknown to Triton.
KINDS = (
    "", "FP32", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FP16", "FP64", "UINT32",
    "UINT64", "", "", "BF16",
)  # fmt: skip
VARINT, FIXED_64, MESSAGE, FIXED_32 = 0, 1, 2, 5
Bytes = bytes | mmap.mmap
Span = tuple[int, int]


class GraphFileError(ValueError):
    """This is no ONNX file, or a damaged one."""


@dataclass(frozen=True)
class GraphFile:
    format_version: int
    opset: int
    signature: Signature

    @classmethod
    def read(cls, path: Path) -> GraphFile:
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _model(content)
        except (ValueError, IndexError, KeyError, StopIteration) as error:  # an empty file cannot be mapped
            raise GraphFileError(f"{path} is not an ONNX file, or damaged") from error


def _model(content: Bytes) -> GraphFile:
    format_version, opset, graph = 0, 0, None
    for field, value in _fields(content, (0, len(content))):
        if field == 1 and isinstance(value, int):
            format_version = value
        elif field == 8:
            opset = max(opset, _standard_opset(content, _span(value)))
        elif field == 7:
            graph = _span(value)
    if graph is None or not format_version:
        raise GraphFileError("no graph")
    return GraphFile(format_version, opset, _signature(content, graph))


def _standard_opset(content: Bytes, span: Span) -> int:
    found = dict(_fields(content, span))
    domain = content[slice(*_span(found[1]))] if 1 in found else b""
    version = found.get(2, 0)
    return version if isinstance(version, int) and domain in (b"", b"ai.onnx") else 0


def _signature(content: Bytes, graph: Span) -> Signature:
    tensors: dict[int, dict[str, Tensor]] = {11: {}, 12: {}}
    weights = set()
    for field, value in _fields(content, graph):
        if field in tensors:
            tensor = _tensor(content, _span(value))
            tensors[field][tensor.name] = tensor
        elif field == 5:
            weights.add(_name(content, _span(value), 8))
    # An input that has a weight of its name need not be given.
    overridable = {name: tensor for name, tensor in tensors[11].items() if name in weights}
    inputs = {name: tensor for name, tensor in tensors[11].items() if name not in weights}
    return Signature(inputs, tensors[12], overridable)


def _tensor(content: Bytes, span: Span) -> Tensor:
    found = dict(_fields(content, span))
    kind, shape = "", tuple[int, ...]()
    tensor_type = dict(_fields(content, _span(dict(_fields(content, _span(found[2])))[1])))
    number = tensor_type.get(1, 0)
    if isinstance(number, int) and number < len(KINDS):
        kind = KINDS[number]
    if 2 in tensor_type:
        sizes = [dict(_fields(content, _span(size))) for _, size in _fields(content, _span(tensor_type[2]))]
        shape = tuple(size if isinstance(size := each.get(1), int) else OPEN for each in sizes)
    return Tensor(_name(content, span, 1), kind, shape)


def _name(content: Bytes, span: Span, field: int) -> str:
    return next(content[slice(*_span(value))].decode() for number, value in _fields(content, span) if number == field)


def _span(value: int | Span) -> Span:
    if isinstance(value, int):
        raise GraphFileError("a number where a message should be")
    return value


def _fields(content: Bytes, span: Span) -> Iterator[tuple[int, int | Span]]:
    """The fields of one message: their numbers, and a number or where their bytes lie."""
    place, end = span
    while place < end:
        key, place = _varint(content, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(content, place)
            yield key >> 3, value
            continue
        length, place = _varint(content, place) if kind == MESSAGE else ({FIXED_64: 8, FIXED_32: 4}[kind], place)
        if place + length > end:
            raise GraphFileError("cut off")
        yield key >> 3, (place, place + length)
        place += length


def _varint(content: Bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
