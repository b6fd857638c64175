"""Which recogniser goes with a manifest's family, and what each of them can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .ctc import CtcRecogniser
from .graph import Row, Tensors
from .manifest import WRITING, Manifest, ManifestError
from .transcript import Transcript
from .vocabulary import Vocabulary
from .wish import Wish
from .writing import WritingRecogniser


class Recogniser(Protocol):
    def row(self, wish: Wish) -> Row:
        """What the graph is asked; RequestError where the wish cannot be."""
        ...

    def outputs(self, wishes: Sequence[Wish]) -> list[str]:
        """The graph's outputs that these wishes need."""
        ...

    def transcripts(self, wishes: Sequence[Wish], rows: Sequence[Row], answer: Tensors) -> list[Transcript]: ...


def recogniser(manifest: Manifest, vocabulary: Vocabulary) -> Recogniser:
    if manifest.family in WRITING:
        return WritingRecogniser(manifest, vocabulary)
    if manifest.ctc is None:
        raise ManifestError("manifest.json: family 'ctc' without ctc.blank and ctc.classes")
    return CtcRecogniser(manifest, vocabulary)
