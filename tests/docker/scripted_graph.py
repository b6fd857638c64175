"""A stand-in for the graph behind `asr`: what it hears is a script, chosen by a sound's first sample.

Same tensors as the real one, no weights, so that each answer is known beforehand. A first sample without a script fails
while the graph runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from tests.triton_server import ROOT

LETTERS = " 'abcdefghijklmnopqrstuvwxyzñ.,"
SPECIAL = ("<end>", "<start>", "<en>", "<es>", "<transcribe>", "<translate>", "<quiet>", "<previous>")
END, START, ENGLISH, SPANISH, TRANSCRIBE, TRANSLATE, NO_SPEECH, PREVIOUS = range(len(LETTERS), len(LETTERS) + 8)
BLANK = 0
FRAMES, TOKENS = 200, 120  # of each script

CONFIG = """
name: "whisper"
backend: "onnxruntime"
max_batch_size: 16
version_policy { latest { num_versions: 2 } }
input [
  { name: "AUDIO" data_type: TYPE_INT16 dims: [ -1 ] },
  { name: "LENGTH" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "PROMPT" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "PROMPT_LENGTH" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "MAX_TOKENS" data_type: TYPE_INT32 dims: [ 1 ] }
]
output [
  { name: "TOKEN" data_type: TYPE_INT32 dims: [ TOKENS ] },
  { name: "LOG_PROBABILITY" data_type: TYPE_FP32 dims: [ TOKENS ] },
  { name: "PROMPT_LOG_PROBABILITY" data_type: TYPE_FP32 dims: [ -1 ] },
  { name: "LANGUAGE" data_type: TYPE_FP32 dims: [ 2 ] },
  { name: "NO_SPEECH" data_type: TYPE_FP32 dims: [ 1 ] },
  { name: "ALIGNMENT" data_type: TYPE_FP32 dims: [ FRAMES, CLASSES ] }
]
dynamic_batching { }
instance_group [ { count: 1 } ]
""".replace(" TOKENS ", f" {TOKENS + 1} ").replace(" FRAMES, CLASSES ", f" {FRAMES}, {len(LETTERS) + 1} ")


@dataclass(frozen=True)
class Script:
    """What is heard: the text, letter n in frame starts[n] and the one after, and what the model thinks of it."""

    text: str
    starts: Sequence[int] = ()
    language: float = 0.9  # that it is English
    no_speech: float = 0.01
    log_probability: float = -0.1
    heard: str = ""  # by the CTC head; empty: the text

    def tokens(self) -> list[int]:
        return [LETTERS.index(letter) for letter in self.text[:TOKENS]]

    def frames(self) -> npt.NDArray[np.float32]:
        letters = self.heard or self.text
        scores = np.full((FRAMES, len(LETTERS) + 1), math.log(1e-4), np.float32)
        scores[:, BLANK] = math.log(0.99)
        for letter, start in zip(letters, self.starts or range(5, FRAMES - 1, 3), strict=False):
            scores[start : start + 2, BLANK] = math.log(1e-3)
            scores[start : start + 2, 1 + LETTERS.index(letter)] = math.log(0.99)
        return scores


@dataclass(frozen=True)
class Repository:
    """A model repository in which `asr` and `language_id` stand before a scripted graph."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)  # to the manifests

    def write(self, scripts: Sequence[Script]) -> None:
        for model in ("asr", "language_id"):
            (self.folder / model / "1").mkdir(parents=True)
            config = (ROOT / "model_repository" / model / "config.pbtxt").read_text()
            (self.folder / model / "config.pbtxt").write_text(config)
            manifest = {**manifest_of(model), **self.changes}
            (self.folder / model / "1" / "manifest.json").write_text(json.dumps(manifest))
        (self.folder / "asr" / "1" / "tokenizer.json").write_text(tokenizer().to_str())
        (self.folder / "whisper" / "1").mkdir(parents=True)
        (self.folder / "whisper" / "config.pbtxt").write_text(CONFIG)
        (self.folder / "whisper" / "1" / "model.onnx").write_bytes(graph(scripts))


def manifest_of(model: str) -> dict[str, Any]:
    return {
        "model": model,
        "identity": "scripted",
        "family": "whisper",
        "graph": {"model": "whisper", "version": 1},
        "languages": ["en", "es"],
        "tasks": ["transcribe", "translate"],
        "limits": {"sample_rate": 16000, "max_seconds": 30, "max_tokens": 200},
        "alignment": "ctc",
        "tokens": {
            "start": START, "end": END, "no_speech": NO_SPEECH, "previous": PREVIOUS, "first_special": END,
            "no_timestamps": None, "languages": {"en": ENGLISH, "es": SPANISH},
            "tasks": {"transcribe": TRANSCRIBE, "translate": TRANSLATE},
        },
        "ctc": {"blank": BLANK, "classes": {str(token): token + 1 for token in range(len(LETTERS))}},
        "capabilities": {"prompt": True, "prefix": True, "hotwords": False},
        "guards": {"no_speech_probability": 0.6, "compression_ratio": 2.4, "tokens_per_second": 25},
        "calibration": {"confidence": None} if model == "asr" else {"temperature": 2.0},
    }  # fmt: skip


def tokenizer() -> Tokenizer:
    vocabulary = {letter: number for number, letter in enumerate([*LETTERS, *SPECIAL])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    return made


def graph(scripts: Sequence[Script]) -> bytes:
    """The scripts as tables, looked up by each row's first sample; as many letters as a prompt has are passed over."""
    tokens = np.full((len(scripts), TOKENS + 1), END, np.int32)
    logs = np.zeros(tokens.shape, np.float32)
    for place, script in enumerate(scripts):
        tokens[place, : len(script.tokens())] = script.tokens()
        logs[place, : len(script.tokens()) + 1] = script.log_probability
    tables = {
        "tokens": tokens,
        "logs": logs,
        "languages": np.array([[script.language, 1 - script.language] for script in scripts], np.float32),
        "no_speech": np.array([[script.no_speech] for script in scripts], np.float32),
        "frames": np.stack([script.frames() for script in scripts]),
        "places": np.arange(TOKENS + 1, dtype=np.int64)[None],
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "last": np.array([TOKENS], np.int64),
        "end": np.array(END, np.int32),
        "zero_token": np.array(0, np.int32),
        "certain": np.array(-0.2, np.float32),
    }
    onnx_model = helper.make_model(
        helper.make_graph(
            _nodes(), "scripted", *_tensors(), [numpy_helper.from_array(a, n) for n, a in tables.items()]
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.checker.check_model(onnx_model)
    serialized: bytes = onnx_model.SerializeToString()
    return serialized


def _nodes() -> list[onnx.NodeProto]:
    def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs.split(), [output], **attributes)

    return [
        node("Slice", "AUDIO zero one one", "first"),
        node("Cast", "first", "chosen_column", to=TensorProto.INT64),
        node("Squeeze", "chosen_column one", "chosen"),
        # Forced letters are the prompt's ids below the special ones. 0 is padding and a space: one word only.
        node("Less", "PROMPT end", "is_letter"),
        node("Greater", "PROMPT zero_token", "is_not_padding"),
        node("And", "is_letter is_not_padding", "is_forced"),
        node("Cast", "is_forced", "forced_ones", to=TensorProto.INT64),
        node("ReduceSum", "forced_ones one", "forced", keepdims=1),
        node("Add", "places forced", "unbounded"),
        node("Min", "unbounded last", "wanted"),
        node("Gather", "tokens chosen", "all_tokens"),
        node("Gather", "logs chosen", "all_logs"),
        node("GatherElements", "all_tokens wanted", "told", axis=1),
        node("GatherElements", "all_logs wanted", "told_logs", axis=1),
        node("Cast", "MAX_TOKENS", "limit", to=TensorProto.INT64),
        node("Less", "places limit", "allowed"),
        node("Where", "allowed told end", "TOKEN"),
        node("Identity", "told_logs", "LOG_PROBABILITY"),
        node("Cast", "forced_ones", "forced_floats", to=TensorProto.FLOAT),
        node("Mul", "forced_floats certain", "PROMPT_LOG_PROBABILITY"),
        node("Gather", "languages chosen", "LANGUAGE"),
        node("Gather", "no_speech chosen", "NO_SPEECH"),
        node("Gather", "frames chosen", "ALIGNMENT"),
    ]


def _tensors() -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    """As CONFIG says them."""
    whole, one = TensorProto.INT32, ["B", 1]
    inputs = {"LENGTH": one, "PROMPT": ["B", "P"], "PROMPT_LENGTH": one, "MAX_TOKENS": one}
    outputs = {
        "LOG_PROBABILITY": ["B", TOKENS + 1],
        "PROMPT_LOG_PROBABILITY": ["B", "P"],
        "LANGUAGE": ["B", 2],
        "NO_SPEECH": one,
        "ALIGNMENT": ["B", FRAMES, len(LETTERS) + 1],
    }
    value = helper.make_tensor_value_info
    taken = [value(name, whole, shape) for name, shape in inputs.items()]
    told = [value(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    return (
        [value("AUDIO", TensorProto.INT16, ["B", "S"]), *taken],
        [*told, value("TOKEN", whole, ["B", TOKENS + 1])],
    )
