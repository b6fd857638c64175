"""Utterances whose end is known, alone and joined with a pause, clean and in noise, to try endpoint detection on.

Sound is what is within 40 dB of the loudest frame; the rest, beginning and end included, is silence. Noise is added
afterwards and changes nothing about where the speech is.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.calibration.voices import LANGUAGES, SAMPLE_RATE, TEST_VOICES, Samples, Voice, sentences, speak
from tests.bench.material import silence

CONDITIONS = ("clean", "white", "pink")
SNR_DB = 10.0
_FRAME_SAMPLES = SAMPLE_RATE // 100
_RANGE_DB = 40.0
_LEAD_SECONDS = 0.5
_TAIL_SECONDS = 2.0  # beyond the silence that is asked for
_PAUSE_OF_ASKED = 0.8
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Utterance:
    """A stream: audio, where its speech ends, and the longest pause in it, all by the definition above."""

    samples: Samples
    asked_ms: int
    condition: str
    end_ms: float
    longest_pause_ms: float
    joined: bool

    @property
    def must_not_fire_early(self) -> bool:
        return self.longest_pause_ms <= _PAUSE_OF_ASKED * self.asked_ms


def utterances(asked_ms: Sequence[int]) -> Iterator[Utterance]:
    """Of ten of the test voices in five languages, each for every silence asked for and in every condition."""
    random = np.random.default_rng(1)
    for number, voice in enumerate(TEST_VOICES[::2]):
        for place, language in enumerate(LANGUAGES):
            first, second = _sentences(voice, language, 5 * number + 7 * place)
            for asked, condition in itertools.product(asked_ms, CONDITIONS):
                pause = silence(_PAUSE_OF_ASKED * asked / 1000)
                yield _stream(first, (asked, condition, False), random)
                yield _stream(np.concatenate([first, pause, second]), (asked, condition, True), random)


def _sentences(voice: Voice, language: str, at: int) -> tuple[Samples, Samples]:
    """Two that follow each other, without the silence around them."""
    texts = sentences(language)
    first, second = (_trimmed(speak(voice, texts[i % len(texts)], language)) for i in (at, at + 1))
    return first, second


def _stream(speech: Samples, kind: tuple[int, str, bool], random: np.random.Generator) -> Utterance:
    asked, condition, joined = kind
    audio = np.concatenate([silence(_LEAD_SECONDS), speech, silence(asked / 1000 + _TAIL_SECONDS)])
    sounding = _sounding(speech)
    if condition != "clean":
        loudness = np.sqrt(np.mean(speech[np.repeat(sounding, _FRAME_SAMPLES)].astype(np.float64) ** 2))
        noise = _noise(condition, len(audio), random) * loudness * 10 ** (-SNR_DB / 20)
        audio = np.clip(np.round(audio + noise), -32768, 32767).astype(np.int16)
    end_ms = 1000 * (_LEAD_SECONDS + len(speech) / SAMPLE_RATE)
    return Utterance(audio, asked, condition, end_ms, 10 * _longest_run(~sounding), joined)


def _trimmed(samples: Samples) -> Samples:
    """From its first to its last frame with sound, in whole frames."""
    frames = np.flatnonzero(_sounding(samples))
    return samples[frames[0] * _FRAME_SAMPLES : (frames[-1] + 1) * _FRAME_SAMPLES]


def _sounding(samples: Samples) -> NDArray[np.bool_]:
    """For each whole frame whether it is within the range of the loudest."""
    whole = len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES
    power = np.mean(samples[:whole].reshape(-1, _FRAME_SAMPLES).astype(np.float64) ** 2, axis=1)
    return np.asarray(power >= power.max() / 10 ** (_RANGE_DB / 10))


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return int(max(edges[1::2] - edges[::2], default=0))


def _noise(condition: str, length: int, random: np.random.Generator) -> Floats:
    """Of loudness 1; pink noise loses 3 dB an octave."""
    noise = random.standard_normal(length)
    if condition == "pink":
        spectrum = np.fft.rfft(noise)
        spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
        noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))
