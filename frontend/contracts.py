"""The tensors of the models that the gateway calls: how rows of many streams become one request and its answer results.

Triton batches only requests of the same shape, so lengths are padded to a few sizes and the true length goes along.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from frontend.speech import (
    RATE,
    SPEAKER_EMBEDDING,
    VAD,
    WINDOW_SAMPLES,
    Manifest,
    Samples,
    VadState,
    Voiceprint,
)

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """What one stream asks of a model."""

    request_id: str
    samples: Samples
    state: VadState = field(default_factory=VadState)


class Contract(Protocol):
    """One model's tensors."""

    name: str
    # Lengths in samples that rows are padded to, ascending.
    sizes: tuple[int, ...]
    outputs: tuple[str, ...]
    # A row that any working version answers.
    probe: Row

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays: ...

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]: ...

    def manifest(self, outputs: Arrays) -> Manifest:
        return Manifest.parse(outputs["MANIFEST"].reshape(-1)[0])


class VadContract(Contract):
    name = VAD.name
    sizes = tuple(windows * WINDOW_SAMPLES for windows in (1, 4, 16, 64))
    outputs = ("PROBABILITY", "NEXT_CONTEXT", "NEXT_STATE")
    probe = Row("readiness", np.zeros(WINDOW_SAMPLES, np.int16))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        return {
            "AUDIO": _padded(rows, size_samples),
            "WINDOWS": np.array([[len(row.samples) // WINDOW_SAMPLES] for row in rows], np.int32),
            "CONTEXT": np.stack([row.state.context for row in rows]),
            "STATE": np.stack([row.state.state for row in rows]),
        }

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        probabilities, contexts, states = (outputs[name] for name in self.outputs)
        # Copies: a view would keep the whole batch alive for as long as one of its streams is quiet.
        return [
            (
                probabilities[i, : len(row.samples) // WINDOW_SAMPLES].copy(),
                VadState(contexts[i].copy(), states[i].copy()),
            )
            for i, row in enumerate(rows)
        ]


class SpeakerEmbeddingContract(Contract):
    name = SPEAKER_EMBEDDING.name
    sizes = tuple(seconds * RATE for seconds in (1, 2, 3, 4, 6, 8, 12, 16, 24, 30))
    # The manifest comes with every answer, so a voiceprint always knows which version made it.
    outputs = ("EMBEDDING", "MANIFEST")
    probe = Row("readiness", np.zeros(RATE, np.int16))

    def inputs(self, rows: Sequence[Row], size_samples: int) -> Arrays:
        return {
            "AUDIO": _padded(rows, size_samples),
            "LENGTH": np.array([[len(row.samples)] for row in rows], np.int32),
        }

    def results(self, rows: Sequence[Row], outputs: Arrays) -> Sequence[Any]:
        manifest = self.manifest(outputs)
        return [Voiceprint(vector.copy(), manifest) for vector in outputs["EMBEDDING"]]

    def manifest(self, outputs: Arrays) -> Manifest:
        return dataclasses.replace(super().manifest(outputs), dimensions=outputs["EMBEDDING"].shape[-1])


CONTRACTS: tuple[Contract, ...] = (VadContract(), SpeakerEmbeddingContract())


def _padded(rows: Sequence[Row], size_samples: int) -> Samples:
    audio = np.zeros((len(rows), size_samples), np.int16)
    for padded, row in zip(audio, rows, strict=True):
        padded[: len(row.samples)] = row.samples
    return audio
