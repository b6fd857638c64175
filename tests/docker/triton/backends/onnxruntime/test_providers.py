"""Where a graph runs, and what the configuration says of it; the GPU itself is scripted."""

from __future__ import annotations

from typing import Any

import onnxruntime
import pytest

from docker.triton.backends.onnxruntime import providers

CONFIG = {
    "parameters": {"cudnn_conv_algo_search": {"string_value": "1"}, "intra_op_thread_count": {"string_value": "1"}},
    "optimization": {
        "execution_accelerators": {
            "gpu_execution_accelerator": [{"name": "tensorrt"}, {"name": "cuda", "parameters": {"use_tf32": "0"}}]
        }
    },
}


class Session:
    """What ONNX Runtime gives where its provider does not start: another one, without a word."""

    def __init__(self, *_: object, providers: list[tuple[str, dict[str, str]]]) -> None:
        self.asked = providers

    def get_providers(self) -> list[str]:
        return [providers.CPU]


def test_the_cpu_takes_nothing_of_what_is_said_of_gpus() -> None:
    assert providers.provider("CPU", "", CONFIG) == (providers.CPU, {})


def test_a_gpu_gets_its_accelerators_options_and_the_native_backends_numbers_by_their_names() -> None:
    expected = {"device_id": "1", "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    assert providers.provider("GPU", "1", CONFIG) == (providers.CUDA, expected)


def test_without_options_a_gpu_is_as_onnx_runtime_has_it() -> None:
    assert providers.provider("GPU", "", {}) == (providers.CUDA, {"device_id": "0"})


def test_an_onnx_runtime_for_the_cpu_refuses_a_gpu_and_says_what_to_install() -> None:
    with pytest.raises(providers.ProviderError, match="install onnxruntime-gpu in its place"):
        providers.session("model.onnx", onnxruntime.SessionOptions(), (providers.CUDA, {}))


def test_a_gpu_that_does_not_start_is_an_error_and_not_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    scripted: dict[str, Any] = {
        "get_available_providers": lambda: [providers.CUDA, providers.CPU],
        "preload_dlls": lambda directory: None,
        "InferenceSession": Session,
    }
    for name, value in scripted.items():
        monkeypatch.setattr(onnxruntime, name, value)
    with pytest.raises(providers.ProviderError, match="CUDAExecutionProvider did not start"):
        providers.session("model.onnx", onnxruntime.SessionOptions(), (providers.CUDA, {}))
