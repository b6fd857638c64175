"""The last steps before a graph is published: it must be near enough to its reference and tell its own manifest."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

import onnx

from export.failure import ExportError
from export.graphs.building import with_manifest
from export.graphs.runtime import Runner
from export.publishing import agreement
from export.publishing.publication import MANIFEST_FILE, MODEL_FILE


class Judged(Protocol):
    """A recipe, as far as it says how far its graph may be from the reference."""

    @property
    def model(self) -> str: ...

    @property
    def tolerance(self) -> float: ...


def near_enough(recipe: Judged, parity: Mapping[str, float]) -> dict[str, float]:
    """What was measured, with the limit that it keeps."""
    difference = parity["max_difference"]
    if not difference <= recipe.tolerance:  # so written, NaN fails too
        raise ExportError(
            f"{recipe.model} differs from its reference by {difference:.1e}, more than {recipe.tolerance:.0e}; "
            "nothing was published"
        )
    return {**parity, "tolerance": recipe.tolerance}


def files(model: onnx.ModelProto, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The graph with its manifest inside, and the manifest beside it; Triton would load it."""
    text = json.dumps(manifest, ensure_ascii=False, sort_keys=True)
    content = with_manifest(model, text).SerializeToString()
    runner = Runner(content)
    agreement.check(manifest["model"], content, runner.signature())
    if runner.manifest() != text:
        raise ExportError(f"{manifest['model']}: the graph does not answer its own manifest; nothing was published")
    return {MODEL_FILE: content, MANIFEST_FILE: text.encode()}
