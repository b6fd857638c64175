"""A graph as files: one, or with its weights in a second one where protobuf cannot write it in one piece."""

import mmap
from pathlib import Path

import onnx

from export.graphs import building as graph
from export.publishing.publication import MODEL_FILE

WEIGHTS_FILE = f"{MODEL_FILE}.data"


def write(
    model: onnx.ModelProto, folder: Path, largest_bytes: int = graph.LARGEST_BYTES, name: str = MODEL_FILE
) -> Path:
    """Takes the weights out of the model in memory when it writes them beside it."""
    path = folder / name
    if graph.size_bytes(model.graph) < largest_bytes:
        onnx.save_model(model, path)
    else:
        onnx.save_model(model, path, save_as_external_data=True, location=f"{name}.data")
    return path


def add_output(path: Path, name: str, to: Path) -> None:
    """A copy of the graph that also answers one of its inner values; its weights file stays where it is."""
    model = onnx.load_model(path, load_external_data=False)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    to.write_bytes(model.SerializeToString())


def add_manifest(path: Path, text: str) -> None:
    model = onnx.load_model(path, load_external_data=False)
    graph.add_manifest(model, text)
    path.write_bytes(model.SerializeToString())


def contents(folder: Path) -> dict[str, bytes]:
    """What is to be published, the large file mapped rather than read."""
    found: dict[str, bytes] = {MODEL_FILE: (folder / MODEL_FILE).read_bytes()}
    weights = folder / WEIGHTS_FILE
    if weights.is_file():
        with weights.open("rb") as file:
            # Written like bytes; it is never in memory as a whole.
            found[WEIGHTS_FILE] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # type: ignore[assignment]
    return found
