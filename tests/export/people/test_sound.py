from pathlib import Path

import numpy as np
import pytest
import soundfile

from export.failure import ExportError
from export.people.sound import RATE, read

SECOND = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32) / 2


def loudest_hertz(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples))


def test_a_telephone_recording_is_heard_at_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "hello.gsm"
    soundfile.write(path, SECOND, 8000, format="RAW", subtype="GSM610")
    samples = read(path)
    assert len(samples) == pytest.approx(RATE, abs=400)
    assert loudest_hertz(samples) == pytest.approx(440, abs=2)


def test_a_games_unsigned_bytes_are_sound(tmp_path: Path) -> None:
    path = tmp_path / "1.ALS"
    tone = np.sin(2 * np.pi * 440 * np.arange(11025) / 11025)
    path.write_bytes((tone * 100 + 128).astype(np.uint8).tobytes())
    samples = read(path)
    assert len(samples) == RATE
    assert loudest_hertz(samples) == pytest.approx(440, abs=2)
    assert abs(samples.mean()) < 0.01


def test_two_channels_become_one(tmp_path: Path) -> None:
    path = tmp_path / "hello.wav"
    soundfile.write(path, np.stack([SECOND, -SECOND], 1), 8000)
    assert np.abs(read(path)).max() < 1e-4


def test_what_is_no_recording_says_so(tmp_path: Path) -> None:
    path = tmp_path / "hello.ogg"
    path.write_bytes(b"OggS and nothing more")
    with pytest.raises(ExportError, match=r"hello\.ogg cannot be read"):
        read(path)
