"""Triton backend `asr`: the models `asr` and `language_id`, thin and without weights, in front of an internal graphs.

A version folder holds manifest.json (which graphs, their tokens, guards, calibration) and, for `asr`, tokenizers. The
requests of one execute(), of whatever lengths and languages, become ONE call of each engine's graph; in int8, where
padding costs more than a call, one for each length. A request with bad input gets INVALID_ARGUMENT, its neighbours
their answers.
"""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb

if TYPE_CHECKING:
    from docker.triton.backends.asr.decoding.steps import Steps
    from docker.triton.backends.asr.recognition.answers import Asked, AsrAnswers, LanguageAnswers
    from docker.triton.backends.asr.recognition.families import recogniser
    from docker.triton.backends.asr.recognition.graph import GraphCall, Tensors
    from docker.triton.backends.asr.recognition.manifest import GraphRef, ManifestError
    from docker.triton.backends.asr.recognition.version import Version
    from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
    from docker.triton.backends.asr.recognition.wish import RequestError, Wish, read
else:  # Triton puts this file's folder on the path
    from recognition.answers import Asked, AsrAnswers, LanguageAnswers
    from recognition.families import recogniser
    from recognition.manifest import ManifestError
    from recognition.version import Version
    from recognition.vocabulary import Vocabulary
    from recognition.wish import RequestError, read

Array = npt.NDArray[Any]
Wishes = dict[int, list["Wish"]]  # the rows of each request, by its place in the batch


class GraphError(Exception):
    """The graph gave no answer."""

    def __init__(self, message: str, code: Any) -> None:
        super().__init__(message)
        self.code = code


def numpy_refusal(version: str) -> str | None:
    """Why this numpy cannot be served with, or None. The stub's bindings predate numpy 2 and read zeros, silently."""
    if int(version.split(".", 1)[0]) < 2:
        return None
    return f"numpy {version} makes Triton's stub exchange zeros instead of data: install 'numpy<2'"


class TritonPythonModel:
    def initialize(self, args: Mapping[str, str]) -> None:
        refusal = numpy_refusal(np.__version__)
        if refusal:
            raise pb.TritonModelException(refusal)
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"], args["model_version"])
        try:
            text = (folder / "manifest.json").read_text("utf-8")
            is_asr = all(output["name"] != "PROBABILITY" for output in config["output"])
            version = Version.parse(text)
            self._answers = _asr(folder, version) if is_asr else LanguageAnswers(version.engines[0], text)
        except (OSError, ManifestError, UnicodeDecodeError) as error:
            raise pb.TritonModelException(f"{folder.name}: {error}") from error
        self._driven = _driven(folder, version, args["model_instance_kind"])
        # Not left to the warm-up: 24.10 can die of one that fails.
        for graph in version.graphs:
            number = str(graph.version) if graph.version > 0 else ""
            if not pb.is_model_ready(graph.model, number):
                raise pb.TritonModelException(f"{folder.name}: its graph {graph.model}/{number} is not loaded")
        self._threads = ThreadPoolExecutor(len(version.engines), "engine")

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        responses: list[Any] = [None] * len(requests)
        wishes: Wishes = {}
        for place, request in enumerate(requests):
            try:
                wishes[place] = read({tensor.name(): tensor.as_numpy() for tensor in request.inputs()})
            except (RequestError, UnicodeDecodeError) as error:
                responses[place] = _failure(str(error), pb.TritonError.INVALID_ARG)
            except Exception as error:
                # Whatever is wrong with a request must not fail its neighbours.
                responses[place] = _failure(f"{type(error).__name__}: {error}", pb.TritonError.INTERNAL)
        for place, response in self._responses(requests, wishes).items():
            responses[place] = response
        return responses

    def _responses(self, requests: Sequence[Any], wishes: Wishes) -> dict[int, Any]:
        """One response a request. When a joined call fails each is tried alone, so only the guilty one fails."""
        if not wishes:
            return {}
        try:
            return self._joined(requests, wishes)
        except Exception as error:
            # An exception that left execute() would fail the whole batch.
            if len(wishes) > 1:
                alone = [self._responses(requests, {place: rows}) for place, rows in wishes.items()]
                return {place: response for each in alone for place, response in each.items()}
            code = error.code if isinstance(error, GraphError) else pb.TritonError.INTERNAL
            text = str(error) if isinstance(error, GraphError) else f"{type(error).__name__}: {error}"
            return dict.fromkeys(wishes, _failure(text, code))

    def _joined(self, requests: Sequence[Any], wishes: Wishes) -> dict[int, Any]:
        prepared = iter(self._answers.asked([wish for rows in wishes.values() for wish in rows], self._calls))
        asked = {place: list(itertools.islice(prepared, len(rows))) for place, rows in wishes.items()}
        responses = {place: _refusal(rows) for place, rows in asked.items()}
        good = {
            place: [row for row in rows if isinstance(row, Asked)]
            for place, rows in asked.items()
            if responses[place] is None
        }
        if not good:
            return responses
        tensors = self._answers.tensors([row for rows in good.values() for row in rows], self._calls)
        first = 0
        for place, own in good.items():
            wanted = requests[place].requested_output_names()
            responses[place] = pb.InferenceResponse(
                [pb.Tensor(name, tensors.rows(name, first, first + len(own))) for name in wanted]
            )
            first += len(own)
        return responses

    def _calls(self, calls: Sequence[GraphCall]) -> list[Tensors]:
        """All at once: while one graph runs the others need not wait."""
        if len(calls) == 1:
            return [self._answer(calls[0])]
        return list(self._threads.map(self._answer, calls))

    def _answer(self, call: GraphCall) -> Tensors:
        steps = self._driven.get(call.graph)
        return _asked(call) if steps is None else steps.answer(call.inputs, call.outputs)

    def finalize(self) -> None:
        self._threads.shutdown()


def _asr(folder: Path, version: Version) -> AsrAnswers:
    return AsrAnswers(
        version, [recogniser(engine, _vocabulary(folder / engine.tokenizer)) for engine in version.engines]
    )


def _vocabulary(path: Path) -> Vocabulary:
    try:
        return Vocabulary.parse(path.read_text("utf-8"))
    except Exception as error:  # the package raises nothing more precise
        raise ManifestError(f"{path.name}: {error}") from error


def _driven(folder: Path, version: Version, kind: str) -> dict[GraphRef, Steps]:
    """Where the instance is on a GPU so are they. ONNX Runtime is wanted for them alone."""
    if not version.driven:
        return {}
    try:
        decoding = importlib.import_module("decoding.steps")
        device = decoding.Device.of("cuda" if kind == "GPU" else "cpu")
        return {graph: decoding.Steps(folder / name, device) for graph, name in version.driven.items()}
    except Exception as error:  # whatever it is, Triton is to tell it in one line
        raise pb.TritonModelException(f"{folder.name}: its steps cannot be run here: {error}") from error


def _asked(call: GraphCall) -> Tensors:
    graph = call.graph
    request = pb.InferenceRequest(
        model_name=graph.model,
        model_version=graph.version,
        requested_output_names=list(call.outputs),
        inputs=[pb.Tensor(name, array) for name, array in call.inputs.items()],
        # A graph on a GPU would leave its answers there, where numpy cannot read them.
        preferred_memory=pb.PreferredMemory(pb.TRITONSERVER_MEMORY_CPU, 0),
    )
    try:
        response = request.exec()
    except pb.TritonModelException as error:  # there is no such model or version
        raise GraphError(f"{graph.model} {graph.version}: {error}", pb.TritonError.UNAVAILABLE) from error
    if response.has_error():
        raise GraphError(f"{graph.model} {graph.version}: {response.error().message()}", response.error().code())
    answer = {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}
    if missing := [name for name in call.outputs if name not in answer]:  # as from a process that is being ended
        raise GraphError(f"{graph.model} {graph.version}: no {missing[0]} was answered", pb.TritonError.UNAVAILABLE)
    return answer


def _refusal(rows: Sequence[Asked | RequestError]) -> Any | None:
    """What is wrong with the first row that cannot be asked."""
    wrong = next((row for row in rows if isinstance(row, RequestError)), None)
    return None if wrong is None else _failure(str(wrong), pb.TritonError.INVALID_ARG)


def _failure(message: str, code: Any) -> Any:
    return pb.InferenceResponse([], pb.TritonError(message, code))
