"""What the user ordered, what a family makes of it, and how far a graph may be from its reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.failure import ExportError
from export.publishing.asr_version import Provenance
from export.sources.folder import Checkpoint

Precision = Literal["fp32", "fp16", "int8"]
# The largest difference of a log-probability (and of the encoder's states, as a part of the largest). The smaller
# types round weights to 11 and 7 or 8 bits: the limits tell rounding from a mistake, which shows in whole units.
TOLERANCES: Mapping[str, float] = {"fp32": 1e-4, "fp16": 0.1, "int8": 1.0}
# A clip in a batch against itself alone. Each row has scales of its own; only the order of sums differs.
BATCH_TOLERANCES: Mapping[str, float] = {"fp32": 1e-4, "fp16": 0.1, "int8": 0.1}


@dataclass(frozen=True)
class Order:
    checkpoint: Checkpoint
    precision: Precision
    languages: Sequence[str]
    padding: bool | None  # None: what the checkpoint says of itself, else the family's custom

    def provenance(self, identity: str, parity: Mapping[str, float]) -> Provenance:
        """Raises where the measured parity is not good enough to publish."""
        self._check(parity["max_difference"], TOLERANCES[self.precision], "its reference in PyTorch")
        self._check(parity["batch_difference"], BATCH_TOLERANCES[self.precision], "itself alone in a batch")
        return Provenance(
            recipe=f"asr from {self.checkpoint.name} in {self.precision}, weights {identity[:8]}",
            source=self.checkpoint.name,
            licence=self.checkpoint.licence(),
            precision=self.precision,
            sha256=self.checkpoint.sha256(),
            parity={**parity, "tolerance": TOLERANCES[self.precision]},
        )

    def _check(self, difference: float, tolerance: float, reference: str) -> None:
        if not difference <= tolerance:  # so written, NaN fails too
            raise ExportError(
                f"{self.checkpoint.name} differs from {reference} by {difference:.1e}, more than {tolerance:.0e}; "
                "nothing was published"
            )


@dataclass(frozen=True)
class Workplace:
    """A folder of its own for the files of a graph before they are published."""

    folder: Path
    largest_bytes: int  # a graph with more weights than this keeps them in a second file
