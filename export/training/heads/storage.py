"""The heads as a file: half precision, with the languages in its metadata, checked against what was trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from export.failure import ExportError
from export.heads.reference import Array, read
from export.training.heads.calibration import Calibration
from export.training.heads.classes import NONE
from export.training.heads.clip import LANGUAGES
from export.training.heads.frames import Encoded, padded
from export.training.heads.network import LanguageHead, SpeechHead

_ROUNDING = 0.02  # half precision moves no probability farther


@dataclass(frozen=True)
class Trained:
    members: Sequence[LanguageHead]
    speech: SpeechHead
    calibration: Calibration

    @torch.no_grad()
    def probabilities(self, frames: Array, mask: Array) -> Array:
        """Of each language, then of no speech."""
        given = torch.from_numpy(frames), torch.from_numpy(mask)
        logits = torch.stack([member(*given) for member in self.members]).mean(0)
        logits[:, NONE] += self.calibration.none
        languages = (logits / self.calibration.temperature).softmax(1)[:, :NONE]
        silent = 1 - self.speech(*given).max(1).values.sigmoid()
        return np.concatenate([languages.numpy(), silent.numpy()[:, None]], 1)


def save(path: Path, trained: Trained, clips: Sequence[Encoded]) -> None:
    """Only what computes on these clips what was trained."""
    from safetensors.numpy import save_file

    arrays = trained.speech.plain()
    for number, member in enumerate(trained.members):
        arrays |= trained.calibration.applied(member.plain(f"language.{number}"))
    facts = {"temperature": str(trained.calibration.temperature), "none": str(trained.calibration.none)}
    unfinished = path.with_suffix(".unfinished")
    halves = {name: np.ascontiguousarray(value, np.float16) for name, value in arrays.items()}
    save_file(halves, unfinished, metadata={"languages": " ".join(LANGUAGES), **facts})
    unfinished.chmod(0o644)  # safetensors keeps it to its owner
    frames, mask = padded([each.frames() for each in clips])
    kept = read(unfinished).scores(frames, mask)
    off = np.abs(np.column_stack([kept.languages, kept.no_speech]) - trained.probabilities(frames, mask)).max()
    if not off < _ROUNDING:
        raise ExportError(f"the file's heads are {off:.3f} off what was trained: not kept")
    unfinished.replace(path)
