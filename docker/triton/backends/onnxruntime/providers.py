"""Where a graph runs: on the CPU, or on the GPU that Triton names, with what config.pbtxt says of it.

Of GPUs this backend knows CUDA, where the installed ONNX Runtime has it (`onnxruntime-gpu`) and finds its libraries:
those of NVIDIA's packages beside it, or of the system.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ON_CPU = "CPU"  # an instance's kind, as Triton names it to us
# What the native backend's numbers mean.
SEARCHES = {"0": "EXHAUSTIVE", "1": "HEURISTIC", "2": "DEFAULT"}
Provider = tuple[str, dict[str, str]]


class ProviderError(Exception):
    """The graph cannot run where it was put. The text says what to do."""


def session(model: Path | str, options: onnxruntime.SessionOptions, chosen: Provider) -> onnxruntime.InferenceSession:
    """On this provider, or an error: ONNX Runtime itself falls back to the CPU without a word."""
    name = chosen[0]
    if name == CUDA:
        if CUDA not in onnxruntime.get_available_providers():
            raise ProviderError("an instance on a GPU was asked for, and this ONNX Runtime has only the CPU: install "
                                "onnxruntime-gpu in its place")  # fmt: skip
        onnxruntime.preload_dlls(directory="")
    found = onnxruntime.InferenceSession(str(model), options, providers=[chosen])
    if found.get_providers()[0] != name:
        raise ProviderError(f"{name} did not start (the log above says what it lacks): a driver and libraries of the "
                            "CUDA that this onnxruntime-gpu was built for are needed")  # fmt: skip
    return found


def provider(kind: str, device: str, config: Mapping[str, Any]) -> Provider:
    """For an instance of this kind: the options under the native backend's names and with its defaults."""
    if kind == ON_CPU:
        return CPU, {}
    parameters = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
    stated = config.get("optimization", {}).get("execution_accelerators", {}).get("gpu_execution_accelerator", [])
    accelerator: Mapping[str, Any] = next(
        (each.get("parameters", {}) for each in stated if each.get("name") == "cuda"), {}
    )
    options = {"device_id": device or "0", **{name: str(value) for name, value in accelerator.items()}}
    search = parameters.get("cudnn_conv_algo_search")
    if search is not None:
        options["cudnn_conv_algo_search"] = SEARCHES.get(search, search)
    return CUDA, options
