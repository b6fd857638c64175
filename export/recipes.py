"""What is exported from which package: light enough to decide that nothing is to do without importing onnx or numpy."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.failure import ExportError

CALIBRATION_FOLDER = Path(__file__).parent / "calibration"
CALIBRATION_KEYS = ("kind", "slope", "intercept")
SAMPLE_RATE = 16_000


@dataclass(frozen=True)
class Source:
    """A file inside an installed distribution; found through its metadata, the package is never imported."""

    distribution: str
    version: str
    file: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} {self.file}"

    def sibling(self, name: str) -> "Source":
        return Source(self.distribution, self.version, str(Path(self.file).with_name(name)))

    def locate(self) -> Path:
        advice = f"pip install --no-deps {self.distribution}=={self.version}"
        try:
            distribution = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise ExportError(f"{self.distribution} is not installed: {advice}") from None
        if distribution.version != self.version:
            raise ExportError(
                f"{self.distribution} {distribution.version} is installed, {self.version} needed: {advice}"
            )
        path = Path(str(distribution.locate_file(self.file)))
        if not path.is_file():
            raise ExportError(f"{path} is missing: {advice} --force-reinstall")
        return path


@dataclass(frozen=True)
class Recipe:
    """How one model is made. Raise `revision` when the code that builds its graph changes."""

    model: str
    revision: int
    source: Source
    licence: str
    limits: Mapping[str, float]
    tolerance: float

    @property
    def calibration_path(self) -> Path:
        return CALIBRATION_FOLDER / f"{self.model}.json"

    def calibration(self) -> dict[str, Any] | None:
        """What `python -m export.calibrate` wrote: the mapping from score to probability and how it was found."""
        if not self.calibration_path.exists():
            return None
        data: dict[str, Any] = json.loads(self.calibration_path.read_bytes())
        return data

    def __str__(self) -> str:
        """What a manifest carries and the exporter compares: equal recipes make equal versions."""
        calibration = self.calibration() or {}
        facts = [dict(self.limits), self.licence, self.tolerance, [calibration.get(key) for key in CALIBRATION_KEYS]]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.model} {self.revision} from {self.source.distribution} {self.source.version}, facts {digest}"


RECIPES = {
    recipe.model: recipe
    for recipe in (
        Recipe(
            model="vad",
            revision=1,
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
        ),
    )
}
