"""Running a graph here: one thread, on the CPU, as the local server runs it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from docker.triton.agreement import Signature

ERRORS_ONLY = 3
Inputs = Mapping[str, NDArray[Any]]


class Runner:
    """One loaded graph; `run` gives its outputs by name."""

    def __init__(self, model: bytes | Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        loadable = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(loadable, options, providers=["CPUExecutionProvider"])

    def run(self, inputs: Inputs, *outputs: str) -> dict[str, NDArray[Any]]:
        names = list(outputs) or [item.name for item in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, dict(inputs)), strict=True))

    def signature(self) -> Signature:
        """What it takes and gives, as a server compares it with config.pbtxt."""
        return Signature.of(self._session)

    def manifest(self) -> str:
        """The MANIFEST output, read with zeros as a server's warm-up would send."""
        types = {"tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(float)": np.float32}
        inputs = {
            item.name: np.zeros(
                [1, *(size if isinstance(size, int) else 1024 for size in item.shape[1:])], types[item.type]
            )
            for item in self._session.get_inputs()
        }
        return str(self.run(inputs, "MANIFEST")["MANIFEST"][0, 0])
