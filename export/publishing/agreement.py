"""A graph is published only if Triton would load it: with the model's config.pbtxt, by the native backend's rules."""

from pathlib import Path
from typing import Any

import onnx

from docker.triton import configuration
from docker.triton.agreement import OPEN, Signature, Tensor, disagreement
from export.failure import ExportError

COMMITTED = Path(__file__).resolve().parents[2] / "model_repository"


def check(model: str, graph: bytes | Path, told: Signature, repository: Path = COMMITTED) -> None:
    """Raises where configuration and graph do not agree; a repository without the model's has the committed one.

    Shapes are taken as ONNX Runtime tells them here, and as ONNX's own inference finds them: another release may
    find more.
    """
    paths = [folder / model / "config.pbtxt" for folder in (repository, COMMITTED)]
    path = next((each for each in paths if each.is_file()), paths[-1])
    try:
        config = configuration.read(path)
    except configuration.ConfigurationError as error:
        raise ExportError(str(error)) from error
    for signature in (told, Signature(told.inputs, inferred(graph, told), told.overridable)):
        problem = disagreement(model, config, signature)
        if problem:
            raise ExportError(f"{path} and the graph do not agree: {problem}; nothing was published")


def inferred(graph: bytes | Path, told: Signature) -> dict[str, Tensor]:
    """The outputs with every size that ONNX's shape inference finds, following values through the graph."""
    model = (
        onnx.load_model(graph, load_external_data=False) if isinstance(graph, Path) else onnx.load_from_string(graph)
    )
    found = onnx.shape_inference.infer_shapes(model, data_prop=True)
    return {value.name: _merged(told.outputs[value.name], value) for value in found.graph.output}


def _merged(told: Tensor, value: Any) -> Tensor:
    sizes = [size.dim_value if size.HasField("dim_value") else OPEN for size in value.type.tensor_type.shape.dim]
    pairs = zip(told.shape, sizes, strict=True)
    return Tensor(told.name, told.kind, tuple(there if there != OPEN else here for there, here in pairs))
