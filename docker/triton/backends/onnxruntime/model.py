"""Triton backend `onnxruntime` for machines without NVIDIA's: serves the native layout, unchanged, on CPU or GPU.

Triton's Python backend runs this file for each model whose config.pbtxt says `backend: "onnxruntime"` wherever the
native library of that name is absent. The same model folder therefore works here and on NVIDIA's image. It refuses
what the native backend refuses, and says it with the same words and status.
Requests that arrive in one execute() with equal shapes become one ONNX Runtime call. Here alone, when that call fails,
each is tried by itself: the native backend fails all of them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import triton_python_backend_utils as pb

if TYPE_CHECKING:
    from docker.triton.agreement import Signature, disagreement
    from docker.triton.backends.onnxruntime import providers
else:  # Triton puts this file's folder on the path
    import providers
    from agreement import Signature, disagreement

Array = npt.NDArray[Any]
Feeds = dict[str, Array]


def numpy_refusal(version: str) -> str | None:
    """Why this numpy cannot be served with, or None. The stub's bindings predate numpy 2 and read zeros, silently."""
    if int(version.split(".", 1)[0]) < 2:
        return None
    return f"numpy {version} makes Triton's stub exchange zeros instead of data: install 'numpy<2' beside onnxruntime"


def session_options(parameters: Mapping[str, str]) -> onnxruntime.SessionOptions:
    """The thread counts under the native backend's names and with its default: 0 lets ONNX Runtime choose."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(parameters.get("intra_op_thread_count", 0))
    options.inter_op_num_threads = int(parameters.get("inter_op_thread_count", 0))
    options.log_severity_level = 3
    # Idle threads that spin would take the cores from the gateway on the same machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def native_words(error: Exception) -> str:
    """ONNX Runtime's own message with its number, as the native backend puts them."""
    found = re.match(r"\[ONNXRuntimeError\] : (\d+) : \w+ : (.*)", str(error), re.DOTALL)
    return f"onnx runtime error {found[1]}: {found[2]}" if found else str(error)


def shape_key(feeds: Feeds) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Requests with equal keys can be joined along the batch axis."""
    return tuple((name, feeds[name].shape[1:]) for name in sorted(feeds))


def row_count(feeds: Feeds) -> int:
    return int(next(iter(feeds.values())).shape[0])


def split_rows(outputs: Mapping[str, Array], row_counts: Sequence[int]) -> list[list[Array]]:
    """Request by request its rows of each output, as views."""
    total = sum(row_counts)
    for name, array in outputs.items():
        if array.shape[:1] != (total,):
            raise ValueError(
                f"output {name} has shape {list(array.shape)}, expected {total} rows for a batch of {total}"
            )
    ends = itertools.accumulate(row_counts)
    return [
        [array[end - count : end] for array in outputs.values()] for count, end in zip(row_counts, ends, strict=True)
    ]


class TritonPythonModel:
    def initialize(self, args: Mapping[str, str]) -> None:
        refusal = numpy_refusal(np.__version__)
        if refusal:
            raise pb.TritonModelException(refusal)
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
        folder = Path(args["model_repository"], args["model_version"])
        model_file = folder / (config.get("default_model_filename") or "model.onnx")
        try:
            chosen = providers.provider(args["model_instance_kind"], args.get("model_instance_device_id", ""), config)
            self._session = providers.session(model_file, session_options(parameters), chosen)
        except providers.ProviderError as error:
            raise pb.TritonModelException(str(error)) from error
        except Exception as error:  # whatever it is, Triton is to tell it in one line
            raise pb.TritonModelException(native_words(error)) from error
        self._batches = config["max_batch_size"] > 0
        self._outputs = [output["name"] for output in config["output"]]
        # A configuration that does not fit its graph fails here, where the old version is still serving.
        problem = disagreement(config["name"], config, Signature.of(self._session))
        if problem:
            raise pb.TritonModelException(problem)
        for sample in config.get("model_warmup", []):
            self._try_out(sample)

    def _try_out(self, sample: Mapping[str, Any]) -> None:
        """A warm-up of zeros, here: of one that fails after the load Triton 24.10 can die, with all its models."""
        if not all(tensor.get("zero_data") for tensor in sample["inputs"].values()):
            return
        rows = [max(1, int(sample.get("batch_size", 1)))] if self._batches else []
        feeds = {name: _zeros(tensor, rows) for name, tensor in sample["inputs"].items()}
        try:
            self._rows(self._outputs, [feeds])
        except Exception as error:
            raise pb.TritonModelException(f"the graph fails in its warm-up: {error}") from error

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        responses: list[Any] = [None] * len(requests)
        groups: dict[Any, dict[int, Feeds]] = {}
        for position, request in enumerate(requests):
            try:
                feeds = self._feeds(request)
            except UnicodeDecodeError as error:
                responses[position] = _failure(f"a string input is not UTF-8: {error}", pb.TritonError.INVALID_ARG)
                continue
            # A request alone, the usual case where a gateway has joined its streams, needs no key and no copies.
            key = shape_key(feeds) if self._batches and len(requests) > 1 else position
            groups.setdefault(key, {})[position] = feeds
        for group in groups.values():
            for position, response in self._responses(requests, group).items():
                responses[position] = response
        return responses

    def _feeds(self, request: Any) -> Feeds:
        return {tensor.name(): _readable(tensor.as_numpy()) for tensor in request.inputs()}

    def _responses(self, requests: Sequence[Any], group: dict[int, Feeds]) -> dict[int, Any]:
        """One response a request. When the joined call fails each is tried alone, so only the guilty one fails."""
        try:
            return self._run(requests, group)
        except Exception as error:
            # Whatever a graph throws must reach the caller as a response: an exception here would fail the whole batch.
            if len(group) > 1:
                alone = [self._responses(requests, {position: feeds}) for position, feeds in group.items()]
                return {position: response for each in alone for position, response in each.items()}
            # The native backend says so of whatever ONNX Runtime finds, a client's mistake too.
            return dict.fromkeys(group, _failure(native_words(error), pb.TritonError.INTERNAL))

    def _run(self, requests: Sequence[Any], group: dict[int, Feeds]) -> dict[int, Any]:
        wanted = {position: requests[position].requested_output_names() for position in group}
        names = [name for name in self._outputs if any(name in each for each in wanted.values())]
        parts = self._rows(names, list(group.values()))
        return {
            position: pb.InferenceResponse(
                [pb.Tensor(name, rows) for name, rows in zip(names, part, strict=True) if name in wanted[position]]
            )
            for position, part in zip(group, parts, strict=True)
        }

    def _rows(self, names: list[str], feeds: list[Feeds]) -> list[list[Array]]:
        """Request by request its rows of each output, from ONE call of the graph."""
        joined = feeds[0] if len(feeds) == 1 else _joined(feeds)
        outputs = self._session.run(names, joined)
        if not self._batches:
            return [outputs]
        return split_rows(dict(zip(names, outputs, strict=True)), [row_count(each) for each in feeds])

    def finalize(self) -> None:
        del self._session


def _joined(feeds: list[Feeds]) -> Feeds:
    return {name: np.concatenate([each[name] for each in feeds]) for name in feeds[0]}


def _zeros(tensor: Mapping[str, Any], rows: list[int]) -> Array:
    shape = rows + [int(size) for size in tensor["dims"]]
    if tensor["data_type"] == "TYPE_STRING":
        return np.full(shape, "", dtype=np.object_)
    return np.zeros(shape, pb.triton_string_to_numpy(tensor["data_type"]))


def _readable(array: Array) -> Array:
    """Strings arrive as bytes, which ONNX Runtime would print ("b'…'") instead of decoding."""
    if array.dtype != np.object_:
        return array
    texts = [element.decode() for element in array.reshape(-1)]
    return np.array(texts, dtype=np.object_).reshape(array.shape)


def _failure(message: str, code: Any) -> Any:
    return pb.InferenceResponse([], pb.TritonError(message, code))
