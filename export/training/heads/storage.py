"""The heads as a file: half precision, with the languages in its metadata."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.training.heads.calibration import Calibration
from export.training.heads.clip import LANGUAGES
from export.training.heads.network import LanguageHead, SpeechHead


def save(path: Path, members: Sequence[LanguageHead], speech: SpeechHead, calibration: Calibration) -> None:
    from safetensors.numpy import save_file

    arrays = speech.plain()
    for number, member in enumerate(members):
        arrays |= calibration.applied(member.plain(f"language.{number}"))
    facts = {"temperature": str(calibration.temperature), "none": str(calibration.none)}
    unfinished = path.with_suffix(".unfinished")
    halves = {name: np.ascontiguousarray(value, np.float16) for name, value in arrays.items()}
    save_file(halves, unfinished, metadata={"languages": " ".join(LANGUAGES), **facts})
    unfinished.chmod(0o644)  # safetensors keeps it to its owner
    unfinished.replace(path)
