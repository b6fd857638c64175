"""The versions made of the bundled recogniser: its graph `whisper`, and what names that, with Moonshine before it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from export.failure import ExportError
from export.graphs.whisper import apart
from export.graphs.whisper.graph import build
from export.graphs.whisper.shape import FRAME_SAMPLES, alignment
from export.parity import steps
from export.parity.bundled import measure
from export.publishing import engines, moonshine
from export.publishing.asr_version import PROVIDERS, SAMPLE_RATE, Recogniser, asr_engine, language_facts, language_files
from export.publishing.finishing import files, near_enough
from export.publishing.publication import Version, current
from export.publishing.recipes import BUNDLED_FOLDER, HEARING, MOONSHINE, BundledRecipe, Recipe
from export.sources.bundled import Bundle


def make(recipe: BundledRecipe, repository: Path) -> dict[str, bytes]:
    """The files of a version, complete and checked."""
    if not recipe.graphs:
        return _graph_files(recipe)
    graphs = {graph.model: _current(graph, recipe, repository) for graph in recipe.graphs}
    pinned = {model: {"model": model, "version": version.number} for model, version in graphs.items()}
    described = {model: _described(model, recipe.name(repository), graphs[model]) for model in graphs}
    if recipe.decoding == "steps":
        described = {model: replace(each, steps=_steps(each, graphs[model])) for model, each in described.items()}
    hearing = HEARING.model
    if recipe.model == "language_id":
        return language_files(described[hearing], pinned[hearing])
    found = [asr_engine(described[model], pinned[model]) for model in graphs]
    return engines.files(found, language_facts(described[hearing], pinned[hearing]), recipe.name(repository))


def _described(model: str, recipe: str, graph: Version) -> Recogniser:
    precision, parity = graph.manifest["precision"], graph.manifest["parity"]
    if model == MOONSHINE.model:
        return moonshine.recogniser(recipe, parity, precision)
    return Bundle(BUNDLED_FOLDER, precision).recogniser(recipe, parity)


def _steps(described: Recogniser, graph: Version) -> dict[str, bytes]:
    """The graphs to drive token by token, which say what the graph with the Loop says."""
    if described.family == "moonshine":
        return steps.files(moonshine.apart(graph.manifest["precision"]), described, graph.model_path)
    bundle = Bundle(BUNDLED_FOLDER, graph.manifest["precision"])
    return steps.files(apart.build(bundle.weights, bundle.shape, bundle.options), described, graph.model_path)


def _current(graph: Recipe | BundledRecipe, recipe: BundledRecipe, repository: Path) -> Version:
    version = current(repository / graph.model, str(graph))
    if version is None:
        raise ExportError(f"{recipe.model} needs a version of {graph.model}: python -m export")
    return version


def check(recipe: BundledRecipe, version: Version, repository: Path) -> dict[str, Any]:
    """A version that only names a graph must be what would be written today."""
    for name, content in make(recipe, repository).items():
        path = version.path / name
        if not path.is_file() or path.read_bytes() != content:
            raise ExportError(f"{path} is not what the recipe makes; publish again with --force")
    return dict(version.manifest["parity"])


def parity(content: bytes) -> dict[str, float]:
    """How far a graph of the bundled weights is from PyTorch."""
    bundle = Bundle(BUNDLED_FOLDER)
    return measure(content, bundle.folder, bundle.weights_sha256)


def _graph_files(recipe: BundledRecipe) -> dict[str, bytes]:
    bundle = Bundle(BUNDLED_FOLDER, recipe.precision)
    model = build(bundle.weights, bundle.shape, bundle.options)
    measured = near_enough(recipe, parity(model.SerializeToString()))
    provenance = bundle.provenance(str(recipe), measured)
    manifest = {
        "model": recipe.model,
        "identity": bundle.graph_identity,
        **vars(provenance),
        "providers": list(PROVIDERS[recipe.precision]),
        "languages": list(bundle.tokens.languages or ()),
        "limits": {
            "sample_rate": SAMPLE_RATE,
            "max_seconds": bundle.shape.max_samples / SAMPLE_RATE,
            "max_tokens": bundle.shape.target_positions,
        },
        "frame_samples": FRAME_SAMPLES,
        "alignment": alignment(bundle.weights),
        "calibration": None,
    }
    return files(model, manifest)
