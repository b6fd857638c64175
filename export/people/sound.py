"""Recordings of whatever kind as samples at 16 kHz."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from export.failure import ExportError

RATE = 16_000
Samples = NDArray[np.float32]
_ALS_RATE = 11_025  # a game's raw bytes, unsigned
_GSM = {"samplerate": 8000, "channels": 1, "format": "RAW", "subtype": "GSM610"}
_RAW = {"samplerate": RATE, "channels": 1, "format": "RAW", "subtype": "PCM_16"}


def read(path: Path) -> Samples:
    """Mono, from -1 to 1."""
    if path.suffix == ".ALS":
        samples, rate = (np.frombuffer(path.read_bytes(), np.uint8).astype(np.float32) - 128) / 128, _ALS_RATE
    else:
        described = {".gsm": _GSM, ".raw": _RAW}.get(path.suffix, {})
        try:
            channels, rate = soundfile.read(path, dtype="float32", always_2d=True, **described)
        except soundfile.SoundFileError as error:
            raise ExportError(f"{path} cannot be read: {error}") from error
        samples = channels.mean(1)
    return np.asarray(soxr.resample(samples, rate, RATE) if rate != RATE else samples, np.float32)
