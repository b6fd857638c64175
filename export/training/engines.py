"""The speech synthesizers behind one call: text and voice in, samples at 16 kHz out.

espeak-ng and Flite are driven through their libraries because a process a sentence would cost more than the sentence;
Festival reads a script of many sentences. SVOX Pico and Hibari are Python packages.
"""

import ctypes
import subprocess
import tempfile
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

RATE = 16000
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """What a synthesizer is asked to say, and how."""

    text: str
    voice: str
    pace: float = 1.0  # 1.2 speaks a fifth faster
    pitch: float = 1.0
    seed_share: float = 0.5  # a number from 0 to 1 for whatever else the engine can vary


Speaker = Callable[[Sequence[Utterance]], list[Samples | None]]


def one_by_one(speak: Callable[[Utterance], Samples | None]) -> Speaker:
    return lambda utterances: [speak(utterance) for utterance in utterances]


def _at_16_khz(samples: npt.NDArray[Any], rate: int) -> Samples:
    floats = samples.astype(np.float32) / 32768 if samples.dtype == np.int16 else samples.astype(np.float32)
    return soxr.resample(floats, rate, RATE) if rate != RATE else floats


class Espeak:
    """libespeak-ng, synchronous; a voice is a language or dialect, '+' and a speaker variant.

    It goes on from what it said before, so that only a new process says the same again to the last sample.
    """

    _RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
    _UTF8 = 1

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._parts: list[npt.NDArray[np.int16]] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._collect)  # kept: the library calls it as long as this object lives
        self._native_rate = self._library.espeak_Initialize(2, 0, None, 0)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def __call__(self, utterance: Utterance) -> Samples | None:
        if self._library.espeak_SetVoiceByName(utterance.voice.encode()):
            raise LookupError(f"espeak-ng has no voice {utterance.voice}: install espeak-ng-data")
        self._parts.clear()
        settings = {
            self._RATE: 175 * utterance.pace,
            self._PITCH: 50 * utterance.pitch,
            self._RANGE: 20 + 60 * utterance.seed_share,
        }
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, round(value), 0)
        text = utterance.text.encode() + b"\0"
        self._library.espeak_Synth(text, len(text), 0, 1, 0, self._UTF8, None, None)
        return _at_16_khz(np.concatenate(self._parts), self._native_rate) if self._parts else None


class _FliteWave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _FliteVoice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class Flite:
    """libflite: English voices, each a library of its own."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for dependency in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(dependency, mode=ctypes.RTLD_GLOBAL)
        self._library.flite_init()
        self._library.flite_text_to_wave.restype = ctypes.POINTER(_FliteWave)
        self._library.flite_text_to_wave.argtypes = (ctypes.c_char_p, ctypes.POINTER(_FliteVoice))
        self._library.delete_wave.argtypes = (ctypes.POINTER(_FliteWave),)
        self._library.feat_set_float.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float)
        self._voices: dict[str, Any] = {}

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            module = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
            register = getattr(module, f"register_cmu_us_{name}")
            register.restype = ctypes.POINTER(_FliteVoice)
            register.argtypes = (ctypes.c_char_p,)
            self._voices[name] = register(None)
        return self._voices[name]

    def __call__(self, utterance: Utterance) -> Samples | None:
        voice = self._voice(utterance.voice)
        self._library.feat_set_float(voice.contents.features, b"duration_stretch", 1 / utterance.pace)
        wave_pointer = self._library.flite_text_to_wave(utterance.text.encode(), voice)
        sound = wave_pointer.contents
        samples = np.ctypeslib.as_array(sound.samples, (sound.num_samples,)).copy()
        rate = sound.sample_rate
        self._library.delete_wave(wave_pointer)
        return _at_16_khz(samples, rate)


def festival(utterances: Sequence[Utterance], batch: int = 50) -> list[Samples | None]:
    """Many sentences a process; a process has one voice and one pace, those of its first sentence."""
    spoken: list[Samples | None] = [None] * len(utterances)
    by_voice: dict[str, list[int]] = {}
    for place, utterance in enumerate(utterances):
        by_voice.setdefault(utterance.voice, []).append(place)
    for places in by_voice.values():
        for first in range(0, len(places), batch):
            part = places[first : first + batch]
            for place, samples in zip(part, _festival_process([utterances[i] for i in part]), strict=True):
                spoken[place] = samples
    return spoken


def _festival_process(utterances: list[Utterance]) -> list[Samples | None]:
    with tempfile.TemporaryDirectory() as folder:
        script = [f"(voice_{utterances[0].voice})", f"(Parameter.set 'Duration_Stretch {1 / utterances[0].pace:.2f})"]
        script += [
            f'(utt.save.wave (utt.synth (Utterance Text "{utterance.text}")) "{folder}/{place}.wav" \'riff)'
            for place, utterance in enumerate(utterances)
        ]
        program = Path(folder, "sentences.scm")
        program.write_text("\n".join(script), encoding="latin-1", errors="replace")
        # A sentence that it cannot say ends the script; what was said until then is kept.
        subprocess.run(["festival", "-b", program], check=False, capture_output=True)
        return [_wave(Path(folder, f"{place}.wav")) for place in range(len(utterances))]


def _wave(path: Path) -> Samples | None:
    if not path.exists():
        return None
    with wave.open(str(path)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        return _at_16_khz(samples, sound.getframerate())


class Pico:
    """SVOX Pico; a voice is a locale."""

    def __init__(self) -> None:
        from py_nanotts import NanoTTS

        self._engine = NanoTTS()

    def __call__(self, utterance: Utterance) -> Samples | None:
        pcm = self._engine.speak(
            utterance.text, voice=utterance.voice, speed=utterance.pace, pitch=0.8 + 0.4 * utterance.seed_share
        )
        return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768


class Hibari:
    """A small neural synthesizer with one English voice."""

    def __init__(self) -> None:
        from hibari import Hibari as Engine

        self._engine = Engine()

    def __call__(self, utterance: Utterance) -> Samples | None:
        samples = self._engine(utterance.text, speed=utterance.pace, seed=round(utterance.seed_share * 1000))
        return _at_16_khz(np.asarray(samples), 24000)


_MAKERS: dict[str, Callable[[], Speaker]] = {
    "espeak": lambda: one_by_one(Espeak()),
    "flite": lambda: one_by_one(Flite()),
    "festival": lambda: festival,
    "pico": lambda: one_by_one(Pico()),
    "hibari": lambda: one_by_one(Hibari()),
}


def engine(name: str) -> Speaker:
    return _MAKERS[name]()
