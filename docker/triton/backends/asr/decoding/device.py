"""Where the graphs run and what lies between them: on the CPU as it comes, on a GPU at the same place in every call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[Any]

RATE = 16_000
CPU, CUDA = "cpu", "cuda"
# A captured graph is of one size: on a GPU rows and seconds are filled up to the next of these.
SEATS = (1, 2, 4, 8, 16)
SECONDS = (2, 4, 8, 12, 16, 20, 24, 30)
NO_GRAPH = "-1"
ERRORS_ONLY = 3
# As config.pbtxt has them for the graphs that Triton runs: sums in full FP32, convolutions chosen by rule.
CUDA_OPTIONS = {"device_id": "0", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}


@dataclass(frozen=True)
class Device:
    """`captured`: whether steps are captured as CUDA graphs; then `sized`: rows and seconds are filled up."""

    kind: str = CPU
    captured: bool = False
    sized: bool = False
    threads: int = 1

    @classmethod
    def of(cls, kind: str) -> Device:
        return cls(kind, captured=kind == CUDA, sized=kind == CUDA)

    def session(self, path: Path, steps: bool = False) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = ERRORS_ONLY
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers: list[Any] = ["CPUExecutionProvider"]
        if self.kind == CUDA:
            onnxruntime.preload_dlls(directory="")
            graphs = {"enable_cuda_graph": "1"} if self.captured and steps else {}
            providers = [("CUDAExecutionProvider", {**CUDA_OPTIONS, **graphs}), *providers]
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
        if self.kind == CUDA and session.get_providers()[0] != "CUDAExecutionProvider":
            raise RuntimeError(f"{path.name} is to run on a GPU and ONNX Runtime has no CUDA provider that loads")
        return session

    def options(self, graph: str) -> Any:
        """Of a run: which captured graph it replays."""
        options = onnxruntime.RunOptions()
        if self.captured:
            options.add_run_config_entry("gpu_graph_id", graph)
        return options

    def empty(self, shape: tuple[int, ...], kind: Any) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(list(shape), kind, self.kind, 0)

    def put(self, array: Array) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self.kind, 0)

    def seats(self, rows: int) -> int:
        """How many rows are computed for so many."""
        return next((seats for seats in SEATS if rows <= seats), rows) if self.sized else rows

    def samples(self, count: int) -> int:
        seconds = next((seconds for seconds in SECONDS if count <= seconds * RATE), None)
        return seconds * RATE if self.sized and seconds else count
