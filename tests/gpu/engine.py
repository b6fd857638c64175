"""A graph in ONNX Runtime, on the CPU or on the GPU, by the backend's own rules of where and how."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from docker.triton import configuration
from docker.triton.backends.onnxruntime import providers
from tests.triton_server import ROOT

ERRORS_ONLY = 3
Arrays = Mapping[str, NDArray[Any]]


class Engine:
    """`device` is "cpu" or "cuda"; on the latter with the accelerator settings of the model's config.pbtxt."""

    def __init__(self, graph: Path, device: str, model: str = "whisper") -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        config = configuration.read(ROOT / "model_repository" / model / "config.pbtxt")
        config["parameters"] = {name: {"string_value": each["string_value"]} if isinstance(each, dict) else each
                                for name, each in config.get("parameters", {}).items()}  # fmt: skip
        kind = providers.ON_CPU if device == "cpu" else "GPU"
        self._session = providers.session(graph, options, providers.provider(kind, "0", config))
        self.inputs = [item.name for item in self._session.get_inputs()]
        self.outputs = [item.name for item in self._session.get_outputs() if item.type != "tensor(string)"]

    def run(self, rows: Arrays) -> dict[str, NDArray[Any]]:
        feeds = {name: array for name, array in rows.items() if name in self.inputs}
        return dict(zip(self.outputs, self._session.run(self.outputs, feeds), strict=True))

    def seconds(self, rows: Arrays, times: int) -> float:
        """The median of so many runs, behind one that is not counted."""
        self.run(rows)
        found = []
        for _ in range(times):
            began = time.perf_counter()
            self.run(rows)
            found.append(time.perf_counter() - began)
        return float(np.median(found))
