"""Synthetic voices for tests and benchmarks: espeak-ng and flite behind one function."""

import functools
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from export.failure import ExportError

SAMPLE_RATE = 16_000
SENTENCES_FOLDER = Path(__file__).parent / "sentences"
LANGUAGES = ("en", "de", "es", "fr", "it")
Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Voice:
    """A speaker. For espeak-ng the name is a variant, which any language can take; flite's voices speak English."""

    synthesizer: str
    name: str
    words_per_minute: int = 165
    pitch: int = 50  # of 0..99, espeak-ng only

    def __str__(self) -> str:
        return f"{self.synthesizer}:{self.name}"


def _espeak(*names: str) -> tuple[Voice, ...]:
    return tuple(Voice("espeak-ng", name) for name in names)


# Many of espeak-ng's variants are one voice at another pitch. These are among the farthest from each other by their
# definitions (formant frequencies, pitch, kind of excitation), picked farthest first with robots and whispers left out;
# no embedding had a say in it. A few pairs still are close to twins (f1 and f2).
TEST_VOICES = _espeak(
    "kaukovalta", "Lee", "Marco", "david", "steph", "boris", "marcelo", "anika", "AnxiousAndy", "f1",
    "linda", "Andrea", "Alicia", "Andy", "rob", "Storm", "Henrique", "Alex", "f2", "antonio",
)  # fmt: skip
# The recorded speakers of flite; its kal is kal16 at half the rate.
OTHER_SYNTHESIZER_VOICES = tuple(Voice("flite", name) for name in ("slt", "awb", "rms", "kal16"))


def sentences(language: str) -> list[str]:
    """Everyday sentences, the same contents in the same order in each language."""
    return (SENTENCES_FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()


def speak(voice: Voice, text: str, language: str = "en") -> Samples:
    """The text in this voice, 16 kHz mono, with the silence that the synthesizer leaves at its end."""
    if voice.name not in voice_names(voice.synthesizer):
        raise ExportError(f"{voice.synthesizer} has no voice {voice.name!r}")  # it would speak in another one
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        _run(_command(voice, language, file.name), text)
        return _read(file.name)


@functools.cache
def voice_names(synthesizer: str) -> frozenset[str]:
    """What the installed synthesizer offers."""
    if synthesizer == "flite":
        return frozenset(_run(["flite", "-lv"]).partition(":")[2].split())
    table = _run(["espeak-ng", "--voices=variant"])
    return frozenset(word.removeprefix("!v/") for word in table.split() if word.startswith("!v/"))


def _command(voice: Voice, language: str, path: str) -> list[str]:
    if voice.synthesizer == "espeak-ng":
        options = ["-v", f"{language}+{voice.name}", "-s", str(voice.words_per_minute), "-p", str(voice.pitch)]
        return ["espeak-ng", "--stdin", *options, "-w", path]
    if voice.synthesizer == "flite" and language == "en":
        stretch = Voice.words_per_minute / voice.words_per_minute
        return ["flite", "--setf", f"duration_stretch={stretch:.3f}", "-voice", voice.name, "/dev/stdin", path]
    raise ExportError(f"{voice} does not speak {language!r}")


def _run(command: list[str], text: str = "") -> str:
    try:
        return subprocess.run(command, input=text, capture_output=True, check=True, encoding="utf-8").stdout
    except FileNotFoundError:
        raise ExportError(f"{command[0]} is not installed: apt-get install espeak-ng flite") from None
    except subprocess.CalledProcessError as error:
        raise ExportError(f"{command[0]} failed: {error.stderr.strip()}") from error


def _read(path: str) -> Samples:
    with wave.open(path) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    if rate == SAMPLE_RATE:
        return samples
    resampled = soxr.resample(samples.astype(np.float32), rate, SAMPLE_RATE)
    return np.asarray(np.clip(np.round(resampled), -32768, 32767), np.int16)
