"""What is exported from which package: light enough to decide that nothing is to do without importing onnx or numpy."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from export.publishing.publication import Version, current, versions
from export.publishing.source import Source

BUNDLED_FOLDER = Path(__file__).parents[1] / "bundled"
SPEAKING = BUNDLED_FOLDER / "speaking.json"  # what `python -m export.calibration.speaking` wrote
CALIBRATION_FOLDER = Path(__file__).parents[1] / "calibration"
CALIBRATION_KEYS = ("kind", "slope", "intercept", "seconds", "provenance")
SAMPLE_RATE = 16_000
Precision = Literal["fp32", "fp16", "int8"]
Tolerances = Mapping[Precision, float]
Decoding = Literal["loop", "steps"]


@dataclass(frozen=True)
class Recipe:
    """How one model is made. Raise `revision` when the code that builds its graph changes."""

    model: str
    revision: int
    source: Source
    licence: str
    limits: Mapping[str, float]
    tolerance: float
    beside: tuple[str, ...] = ()  # other files of the source that go into the graph
    bundled: str = ""  # a file of export/bundled that goes into it too, where it is there
    precision: Precision = "fp32"
    others: Tolerances = field(default_factory=dict)  # the precisions that it is made in when asked for
    asked: bool = False  # whether somebody asked for its precision

    def sha256(self) -> str | dict[str, str]:
        """Of the file, or of each by its name."""
        files = [self.source, *(self.source.sibling(name) for name in self.beside)]
        found = {Path(each.file).name: hashlib.sha256(each.locate().read_bytes()).hexdigest() for each in files}
        return found if self.beside else next(iter(found.values()))

    @property
    def calibration_path(self) -> Path:
        return CALIBRATION_FOLDER / f"{self.model}.json"

    def calibration(self) -> dict[str, Any] | None:
        """What `python -m export.calibrate` wrote: the mapping from score to probability and how it was found."""
        if not self.calibration_path.exists():
            return None
        data: dict[str, Any] = json.loads(self.calibration_path.read_bytes())
        return data

    @property
    def bundled_path(self) -> Path | None:
        path = BUNDLED_FOLDER / self.bundled
        return path if path.is_file() else None

    def made_in(self, precision: Precision) -> "Recipe":
        """The recipe for a precision; itself for a model that has no such form."""
        if precision == self.precision:
            return replace(self, asked=True)
        if precision not in self.others:
            return self
        return replace(self, precision=precision, tolerance=self.others[precision], asked=True)

    @property
    def form(self) -> str:
        """What the name says of a precision that is not the usual one."""
        return f", {self.precision}" if self.precision in self.others else ""

    def name(self, repository: Path) -> str:
        """What a manifest carries and the exporter compares: equal recipes make equal versions."""
        return str(self)

    def __str__(self) -> str:
        calibration = self.calibration() or {}
        facts = [dict(self.limits), self.licence, self.tolerance, [calibration.get(key) for key in CALIBRATION_KEYS]]
        facts += [hashlib.sha256(self.bundled_path.read_bytes()).hexdigest()] if self.bundled_path else []
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        made = f"{self.model} {self.revision} from {self.source.distribution} {self.source.version}"
        return f"{made}, facts {digest}{self.form}"


@dataclass(frozen=True)
class BundledRecipe:
    """A model made of the checkpoint in export/bundled; one that names other models' graphs comes after those."""

    model: str
    revision: int
    files: tuple[str, ...]
    graphs: "tuple[BundledRecipe | Recipe, ...]" = ()
    tolerance: float = 1e-4
    precision: Precision = "fp32"
    others: Tolerances = field(default_factory=dict)
    asked: bool = False
    decoding: Decoding = "loop"  # who writes token by token, of what names graphs

    def decoded_by(self, decoding: Decoding) -> "BundledRecipe":
        return replace(self, decoding=decoding, asked=True) if self.model == "asr" else self

    def made_in(self, precision: Precision) -> "BundledRecipe":
        """What only names graphs names those of the precision."""
        if self.graphs:
            return replace(self, graphs=tuple(graph.made_in(precision) for graph in self.graphs), asked=True)
        if precision not in (self.precision, *self.others):
            return self
        tolerance = self.others.get(precision, self.tolerance)
        return replace(self, precision=precision, tolerance=tolerance, asked=True)

    @property
    def form(self) -> str:
        own = f", {self.precision}" if self.precision in self.others else ""
        told = next((graph.form for graph in self.graphs if graph.form), own)
        return told if self.decoding == "loop" else f"{told}, {self.decoding}"

    def name(self, repository: Path) -> str:
        """Another version of the graph that it names makes it another recipe."""
        if not self.graphs:
            return str(self)
        newest = [(graph.model, current(repository / graph.model, str(graph))) for graph in self.graphs]
        return f"{self} over " + " and ".join(f"{model} {found.number if found else 0}" for model, found in newest)

    def __str__(self) -> str:
        digest = hashlib.sha256(json.dumps(self.tolerance).encode())
        for name in self.files:
            path = BUNDLED_FOLDER / name
            if path.exists():  # what is missing and needed is told by who reads it
                digest.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
        return f"{self.model} {self.revision} from bundled {digest.hexdigest()[:12]}{self.form}"


MOONSHINE = Recipe(
    model="moonshine",
    revision=3,
    source=Source("moonshine-voice", "0.1.0", "moonshine_voice/assets/tiny-en/encoder_model.ort"),
    licence="MIT",
    limits={"sample_rate": SAMPLE_RATE, "max_seconds": 30, "max_tokens": 194},
    # In int8, of which the reference in PyTorch knows nothing; in fp32 the same graph is within 1e-4.
    tolerance=1.0,
    beside=("decoder_model_merged.ort", "tokenizer.bin"),
    bundled="heads.safetensors",
    # A third less work than fp32 for one stream, a tenth for a full batch, and no more wrong words.
    precision="int8",
    others={"fp32": 1e-4, "fp16": 0.1},
)
RECIPES = {
    recipe.model: recipe
    for recipe in (
        Recipe(
            model="vad",
            revision=2,
            source=Source("silero-vad", "6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx"),
            licence="MIT",
            limits={
                "sample_rate": SAMPLE_RATE,
                "max_seconds": 2.048,
                "max_windows": 64,
                "window_samples": 512,
                "context_samples": 64,
            },
            tolerance=1e-5,
        ),
        Recipe(
            model="speaker_embedding",
            revision=1,
            source=Source("resemblyzer", "0.1.4", "resemblyzer/pretrained.pt"),
            licence="Apache-2.0",
            limits={"sample_rate": SAMPLE_RATE, "max_seconds": 30},
            tolerance=1e-4,
            others={"fp16": 2e-3},
        ),
        MOONSHINE,
    )
}
WHISPER = BundledRecipe(
    model="whisper",
    revision=3,
    files=("config.json", "generation_config.json", "vocabulary.json", "model.safetensors"),
    others={"fp16": 0.1},
)
# Whose graph hears which language is spoken: Moonshine's, once it has a head for that.
HEARING = MOONSHINE if MOONSHINE.bundled_path else WHISPER
# In this order: what names a graph needs its version's number.
BUNDLED = {
    recipe.model: recipe
    for recipe in (
        WHISPER,
        # The first serves what it knows, English; the other the rest, and translation.
        BundledRecipe(
            "asr", 4, ("vocabulary.json", "manifest.json", "calibration.json", SPEAKING.name), (MOONSHINE, WHISPER)
        ),
        BundledRecipe("language_id", 2, ("manifest.json", "calibration.json", SPEAKING.name), (HEARING,)),
    )
}


def foreign(recipe: Recipe | BundledRecipe, repository: Path) -> Version | None:
    """The version with somebody's own weights that would no longer be served if this recipe were published.

    A graph is in the way of nobody: what counts is whose weights the models have that name it.
    """
    named = [each.model for each in BUNDLED.values() if recipe.model in {graph.model for graph in each.graphs}]
    named = named or [recipe.model]
    newest = [(model, published[-1]) for model in named if (published := versions(repository / model))]
    others = [version for model, version in newest if not _own(model, version, recipe.asked)]
    return others[0] if len(others) == len(named) else None


def _own(model: str, version: Version, asked: bool) -> bool:
    """Ours by its name; what has none is broken, or of a recipe that is to be followed by ours.

    One in a precision that somebody asked for is theirs, until a precision is asked for again.
    """
    made_by = str(version.manifest.get("recipe", f"{model} 0"))
    ours = re.match(rf"{model} \d", made_by) is not None
    forms = "|".join((*get_args(Precision), *get_args(Decoding)))
    return ours and (asked or re.search(rf", ({forms})\b", made_by) is None)


def every_recipe(
    precision: Precision | None = None, decoding: Decoding | None = None
) -> dict[str, Recipe | BundledRecipe]:
    """What `python -m export` publishes, in the order in which it does; as it was asked for where a model can be so."""
    every: dict[str, Recipe | BundledRecipe] = {**RECIPES, **BUNDLED}
    if precision is not None:
        every = {name: recipe.made_in(precision) for name, recipe in every.items()}
    if decoding is not None:
        every |= {recipe.model: recipe.decoded_by(decoding) for recipe in every.values()
                  if isinstance(recipe, BundledRecipe)}  # fmt: skip
    return every
