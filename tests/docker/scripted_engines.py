"""Two scripted engines behind one `asr`, a third graph that hears their languages, and a scripted voice activity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.docker.scripted_graph import CONFIG, Script, graph, manifest_of, tokenizer
from tests.triton_server import ROOT

VOICE_PEAK = 2000  # what is louder is speech, window by window
UNSURE_PROBABILITY = 0.53  # no more of the likeliest language says nothing


def facts(**changes: Any) -> dict[str, Any]:
    """The manifest of a version with two engines: English words by one, Spanish and translation by the other."""
    whole = {**manifest_of("asr"), "heard_languages": ["en", "es"]}
    english = {
        **whole,
        "graph": {"model": "english", "version": 1},
        "languages": ["en"],
        "tasks": ["transcribe"],
        "tokens": {**whole["tokens"], "languages": None, "tasks": None},
        "limits": {"sample_rate": 16000, "max_seconds": 10, "max_tokens": 200, "piece_seconds": 8},
        "tokenizer": "english.json",
        "voice_activity": "vad",
    }
    spanish = {**whole, "graph": {"model": "spanish", "version": 1}, "languages": ["es"], "tokenizer": "spanish.json"}
    detection = {
        **manifest_of("language_id"),
        "graph": {"model": "languages", "version": 1},
        "guards": {"language_probability": UNSURE_PROBABILITY, "no_speech_probability": 0.9},
    }
    version = {"model": "asr", "identity": "two", "engines": [english, spanish], "detection": detection}
    return {**version, "languages": ["en", "es"], "tasks": ["transcribe", "translate"], **changes}


@dataclass(frozen=True)
class Engines:
    """A model repository with them; each graph plays its own scripts."""

    folder: Path
    trusting: tuple[str, ...] = ()  # the languages whose engines ask first whether anybody speaks

    def write(self, english: Sequence[Script], spanish: Sequence[Script]) -> None:
        version = self._model("asr", (ROOT / "model_repository" / "asr" / "config.pbtxt").read_text())
        told = facts()
        for engine in told["engines"]:
            engine["trusts_detection"] = engine["languages"][0] in self.trusting
        (version / "manifest.json").write_text(json.dumps(told))
        for name in ("english", "spanish"):
            (version / f"{name}.json").write_text(tokenizer().to_str())
        for name, scripts in {"english": english, "spanish": spanish, "languages": english}.items():
            config = CONFIG.replace('name: "whisper"', f'name: "{name}"')
            (self._model(name, config) / "model.onnx").write_bytes(graph(scripts))
        config = (ROOT / "model_repository" / "vad" / "config.pbtxt").read_text()
        (self._model("vad", config) / "model.onnx").write_bytes(voice_activity())

    def _model(self, name: str, config: str) -> Path:
        version = self.folder / name / "1"
        version.mkdir(parents=True)
        (self.folder / name / "config.pbtxt").write_text(config)
        return version


def voice_activity() -> bytes:
    tables = {
        "windows": np.array([0, -1, 512], np.int64),
        "peak": np.array(VOICE_PEAK, np.float32),
        "text": np.array([["{}"]], np.object_),
        "one": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["AUDIO"], ["samples"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["samples", "windows"], ["by_window"]),
        helper.make_node("ReduceMax", ["by_window"], ["peaks"], axes=[2], keepdims=0),
        helper.make_node("Greater", ["peaks", "peak"], ["loud"]),
        helper.make_node("Cast", ["loud"], ["PROBABILITY"], to=TensorProto.FLOAT),
        helper.make_node("Identity", ["CONTEXT"], ["NEXT_CONTEXT"]),
        helper.make_node("Identity", ["STATE"], ["NEXT_STATE"]),
        helper.make_node("Shape", ["WINDOWS"], ["rows"]),
        helper.make_node("Expand", ["text", "rows"], ["MANIFEST"]),
    ]
    floats, state = TensorProto.FLOAT, ["B", 2, 128]
    inputs = [_value("AUDIO", TensorProto.INT16, ["B", "S"]), _value("WINDOWS", TensorProto.INT32, ["B", 1])]
    inputs += [_value("CONTEXT", floats, ["B", 64]), _value("STATE", floats, state)]
    outputs = [_value("PROBABILITY", floats, ["B", "W"]), _value("NEXT_CONTEXT", floats, ["B", 64])]
    outputs += [_value("NEXT_STATE", floats, state), _value("MANIFEST", TensorProto.STRING, ["B", 1])]
    made = helper.make_graph(
        nodes, "voices", inputs, outputs, [numpy_helper.from_array(each, name) for name, each in tables.items()]
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def _value(name: str, kind: int, shape: list[Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
