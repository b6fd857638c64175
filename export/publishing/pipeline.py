"""From a recipe to the files of a version: build the graph, check its parity, write its manifest into it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx

from export.failure import ExportError
from export.graphs import speaker_embedding, vad
from export.graphs.runtime import Runner
from export.parity import moonshine as moonshine_parity
from export.parity import speaker_embedding as speaker_parity
from export.parity import vad as vad_parity
from export.publishing import bundled, moonshine
from export.publishing.asr_version import PROVIDERS
from export.publishing.finishing import files, near_enough
from export.publishing.publication import Version
from export.publishing.recipes import CALIBRATION_KEYS, MOONSHINE, BundledRecipe, Precision, Recipe

BUILDERS: Mapping[str, Callable[[Path, Precision], tuple[onnx.ModelProto, str]]] = {
    "vad": lambda path, _precision: vad.build(path),
    "speaker_embedding": speaker_embedding.build,
    "moonshine": moonshine.build,
}
PARITIES = {
    "vad": vad_parity.measure,
    "speaker_embedding": speaker_parity.measure,
    "moonshine": moonshine_parity.measure,
}


def make(recipe: Recipe | BundledRecipe, repository: Path) -> dict[str, bytes]:
    """The files of a version, complete and checked; raises before there is anything to publish."""
    if isinstance(recipe, BundledRecipe):
        return bundled.make(recipe, repository)
    source = recipe.source.locate()
    model, identity = BUILDERS[recipe.model](source, recipe.precision)
    parity = near_enough(recipe, PARITIES[recipe.model](model.SerializeToString(), source))
    return files(model, manifest(recipe, identity, parity))


def check(recipe: Recipe | BundledRecipe, version: Version, repository: Path) -> dict[str, Any]:
    """The parity of a published version, measured again; its manifest must be the one inside its graph."""
    if isinstance(recipe, BundledRecipe) and recipe.graphs:
        return bundled.check(recipe, version, repository)
    content = version.model_path.read_bytes()
    if json.loads(Runner(content).manifest()) != version.manifest:
        raise ExportError(f"{version.path}: manifest.json is not what the graph answers; publish again with --force")
    if isinstance(recipe, BundledRecipe):
        return near_enough(recipe, bundled.parity(content))
    return near_enough(recipe, PARITIES[recipe.model](content, recipe.source.locate()))


def manifest(recipe: Recipe, identity: str, parity: dict[str, float]) -> dict[str, Any]:
    """Facts about one version that a gateway asks for; config.pbtxt cannot say them, it is one a model."""
    return {
        "model": recipe.model,
        "identity": identity,
        "recipe": str(recipe),
        "source": str(recipe.source),
        "sha256": recipe.sha256(),
        "licence": recipe.licence,
        "precision": recipe.precision,
        "providers": list(PROVIDERS[recipe.precision]),
        "languages": list(moonshine.heard_languages()) if recipe.model == MOONSHINE.model else None,
        "limits": dict(recipe.limits),
        "calibration": calibration(recipe, identity),
        "parity": parity,
    }


def calibration(recipe: Recipe, identity: str) -> dict[str, Any] | None:
    """The mapping from score to probability; one that was measured with other weights would be a wrong one."""
    measured = recipe.calibration()
    if measured is None:
        return None
    if measured["identity"] != identity:
        raise ExportError(f"{recipe.calibration_path} is of other weights: python -m export.calibrate")
    return {key: measured[key] for key in CALIBRATION_KEYS if key in measured}


def recalibrated(recipe: Recipe, measured: Mapping[str, Any]) -> dict[str, bytes]:
    """A version as the recipe makes it, with a calibration of somebody's own; none of ours replaces it unasked."""
    source = recipe.source.locate()
    model, identity = BUILDERS[recipe.model](source, recipe.precision)
    parity = near_enough(recipe, PARITIES[recipe.model](model.SerializeToString(), source))
    own = {key: measured[key] for key in CALIBRATION_KEYS}
    return files(model, {**manifest(recipe, identity, parity), "calibration": own, "recipe": f"own {recipe}"})
