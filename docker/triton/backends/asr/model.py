"""Triton backend `asr`: the models `asr` and `language_id`, thin and without weights, in front of an internal graph.

A version folder holds manifest.json (which graph, its tokens, guards, calibration) and, for `asr`, tokenizer.json. The
requests of one execute(), of whatever lengths and languages, become ONE call of the graph. A request with bad input
gets INVALID_ARGUMENT, its neighbours their answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import triton_python_backend_utils as pb

if TYPE_CHECKING:
    from docker.triton.backends.asr.recognition.answers import AsrAnswers, LanguageAnswers
    from docker.triton.backends.asr.recognition.graph import Row, Tensors, inputs
    from docker.triton.backends.asr.recognition.manifest import Manifest, ManifestError
    from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
    from docker.triton.backends.asr.recognition.wish import RequestError, Wish, read
else:  # Triton puts this file's folder on the path
    from recognition.answers import AsrAnswers, LanguageAnswers
    from recognition.graph import inputs
    from recognition.manifest import Manifest, ManifestError
    from recognition.vocabulary import Vocabulary
    from recognition.wish import RequestError, read

Array = npt.NDArray[Any]
Asked = dict[int, list[tuple["Wish", "Row"]]]  # the rows of each request, by its place in the batch


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
            self._manifest = Manifest.parse((folder / "manifest.json").read_text("utf-8"))
            self._answers = self._load(folder, [output["name"] for output in config["output"]])
        except (OSError, ManifestError, UnicodeDecodeError) as error:
            raise pb.TritonModelException(f"{folder.name}: {error}") from error
        # Not left to the warm-up: 24.10 can die of one that fails.
        graph = self._manifest.graph
        if not pb.is_model_ready(graph.model, str(graph.version)):
            raise pb.TritonModelException(f"{folder.name}: its graph {graph.model}/{graph.version} is not loaded")

    def _load(self, folder: Path, outputs: Sequence[str]) -> AsrAnswers | LanguageAnswers:
        if "PROBABILITY" in outputs:
            return LanguageAnswers(self._manifest)
        try:
            vocabulary = Vocabulary.parse((folder / "tokenizer.json").read_text("utf-8"))
        except Exception as error:  # the package raises nothing more precise
            raise ManifestError(f"tokenizer.json: {error}") from error
        return AsrAnswers(self._manifest, vocabulary)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        responses: list[Any] = [None] * len(requests)
        asked: Asked = {}
        for place, request in enumerate(requests):
            try:
                asked[place] = self._asked(request)
            except (RequestError, UnicodeDecodeError) as error:
                responses[place] = _failure(str(error), pb.TritonError.INVALID_ARG)
            except Exception as error:
                # Whatever is wrong with a request must not fail its neighbours.
                responses[place] = _failure(f"{type(error).__name__}: {error}", pb.TritonError.INTERNAL)
        for place, response in self._responses(requests, asked).items():
            responses[place] = response
        return responses

    def _asked(self, request: Any) -> list[tuple[Wish, Row]]:
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        return [(wish, self._answers.row(wish)) for wish in read(tensors, self._manifest)]

    def _responses(self, requests: Sequence[Any], asked: Asked) -> dict[int, Any]:
        """One response a request. When the joined call fails each is tried alone, so only the guilty one fails."""
        if not asked:
            return {}
        try:
            return self._joined(requests, asked)
        except Exception as error:
            # An exception that left execute() would fail the whole batch.
            if len(asked) > 1:
                alone = [self._responses(requests, {place: rows}) for place, rows in asked.items()]
                return {place: response for each in alone for place, response in each.items()}
            code = error.code if isinstance(error, GraphError) else pb.TritonError.INTERNAL
            text = str(error) if isinstance(error, GraphError) else f"{type(error).__name__}: {error}"
            return dict.fromkeys(asked, _failure(text, code))

    def _joined(self, requests: Sequence[Any], asked: Asked) -> dict[int, Any]:
        pairs = [pair for rows in asked.values() for pair in rows]
        wishes, rows = [wish for wish, _row in pairs], [row for _wish, row in pairs]
        answer = self._call(inputs(rows, self._manifest), self._answers.graph_outputs(wishes))
        tensors = self._answers.tensors(wishes, rows, answer)
        responses, first = {}, 0
        for place, own in asked.items():
            wanted = requests[place].requested_output_names()
            responses[place] = pb.InferenceResponse(
                [pb.Tensor(name, tensors.rows(name, first, first + len(own))) for name in wanted]
            )
            first += len(own)
        return responses

    def _call(self, feeds: Mapping[str, Array], outputs: list[str]) -> Tensors:
        graph = self._manifest.graph
        request = pb.InferenceRequest(
            model_name=graph.model,
            model_version=graph.version,
            requested_output_names=outputs,
            inputs=[pb.Tensor(name, array) for name, array in feeds.items()],
            # A graph on a GPU would leave its answers there, where numpy cannot read them.
            preferred_memory=pb.PreferredMemory(pb.TRITONSERVER_MEMORY_CPU, 0),
        )
        try:
            response = request.exec()
        except pb.TritonModelException as error:  # there is no such model or version
            raise GraphError(f"{graph.model} {graph.version}: {error}", pb.TritonError.UNAVAILABLE) from error
        if response.has_error():
            raise GraphError(f"{graph.model} {graph.version}: {response.error().message()}", response.error().code())
        return {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}


def _failure(message: str, code: Any) -> Any:
    return pb.InferenceResponse([], pb.TritonError(message, code))
