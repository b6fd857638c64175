"""From a recipe to the files of a version: build the graph, check its parity, write its manifest into it."""

import hashlib
import json
from typing import Any

import onnx

from export import speaker_embedding, speaker_parity, vad, vad_parity
from export.failure import ExportError
from export.graph import with_manifest
from export.publication import MANIFEST_FILE, MODEL_FILE, Version
from export.recipes import CALIBRATION_KEYS, Recipe
from export.runtime import Runner

BUILDERS = {"vad": vad.build, "speaker_embedding": speaker_embedding.build}
PARITIES = {"vad": vad_parity.measure, "speaker_embedding": speaker_parity.measure}


def make(recipe: Recipe) -> dict[str, bytes]:
    """The files of a version, complete and checked; raises before there is anything to publish."""
    source = recipe.source.locate()
    model, identity = BUILDERS[recipe.model](source)
    parity = checked_parity(recipe, model.SerializeToString())
    facts = manifest(recipe, identity, parity)
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    finished: onnx.ModelProto = with_manifest(model, text)
    content = finished.SerializeToString()
    if Runner(content).manifest() != text:
        raise ExportError(f"{recipe.model}: the graph does not answer its own manifest; nothing was published")
    return {MODEL_FILE: content, MANIFEST_FILE: text.encode()}


def check(recipe: Recipe, version: Version) -> dict[str, float]:
    """The parity of a published version, measured again; its manifest must be the one inside its graph."""
    content = version.model_path.read_bytes()
    if json.loads(Runner(content).manifest()) != version.manifest:
        raise ExportError(f"{version.path}: manifest.json is not what the graph answers; publish again with --force")
    return checked_parity(recipe, content)


def checked_parity(recipe: Recipe, content: bytes) -> dict[str, float]:
    parity = PARITIES[recipe.model](content, recipe.source.locate())
    difference = parity["max_difference"]
    if not difference <= recipe.tolerance:  # so written, NaN fails too
        raise ExportError(
            f"{recipe.model} differs from its reference by {difference:.1e}, more than {recipe.tolerance:.0e}; "
            "nothing was published"
        )
    return parity


def manifest(recipe: Recipe, identity: str, parity: dict[str, float]) -> dict[str, Any]:
    """Facts about one version that a gateway asks for; config.pbtxt cannot say them, it is one a model."""
    return {
        "model": recipe.model,
        "identity": identity,
        "recipe": str(recipe),
        "source": str(recipe.source),
        "sha256": hashlib.sha256(recipe.source.locate().read_bytes()).hexdigest(),
        "licence": recipe.licence,
        "precision": "fp32",
        "languages": None,
        "limits": dict(recipe.limits),
        "calibration": calibration(recipe, identity),
        "parity": {**parity, "tolerance": recipe.tolerance},
    }


def calibration(recipe: Recipe, identity: str) -> dict[str, Any] | None:
    """The mapping from score to probability; one that was measured with other weights would be a wrong one."""
    measured = recipe.calibration()
    if measured is None:
        return None
    if measured["identity"] != identity:
        raise ExportError(f"{recipe.calibration_path} is of other weights: python -m export.calibrate")
    return {key: measured[key] for key in CALIBRATION_KEYS}
