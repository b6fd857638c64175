"""What happens to speech on its way to a recogniser: rooms, telephones, noise, levels, silence around it."""

import random

import numpy as np

from export.training.engines import RATE, Samples
from export.training.noises import noise


def at_snr(speech: Samples, added: Samples, snr_db: float) -> Samples:
    """Speech with the sound (of unit power) so much below it."""
    level = np.sqrt(np.mean(speech**2)) * 10 ** (-snr_db / 20)
    return np.asarray(speech + added * level, np.float32)


def telephone(speech: Samples, low: float = 300, high: float = 3400) -> Samples:
    """The band of a telephone line and its eight bits (mu-law)."""
    spectrum = np.fft.rfft(speech)
    hertz = np.fft.rfftfreq(len(speech), 1 / RATE)
    gain = 1 / (1 + (low / np.maximum(hertz, 1)) ** 6) / (1 + (hertz / high) ** 16)
    narrow = np.fft.irfft(spectrum * gain, len(speech))
    peak = max(float(np.abs(narrow).max()), 1e-6)
    coded = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256)
    coded = np.round(coded * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255 * peak, np.float32)


def room(speech: Samples, rng: random.Random) -> Samples:
    """A direct sound and a decaying tail."""
    length = rng.randint(RATE // 20, RATE // 3)
    decay = np.exp(-np.arange(length, dtype=np.float32) / (length / rng.uniform(5, 8)))
    tail = noise(length, rng, 0.0) * decay
    tail[0] = 4 * rng.uniform(1, 3)
    size = 1 << (len(speech) + length - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(tail, size), size)[: len(speech)]
    return np.asarray(heard / np.sqrt(np.sum(tail**2)), np.float32)


def faster(speech: Samples, factor: float) -> Samples:
    places = np.arange(0, len(speech) - 1, factor)
    return np.interp(places, np.arange(len(speech)), speech).astype(np.float32)


def augment(speech: Samples, rng: random.Random, share: float) -> Samples:
    """A random way; the share scales how many utterances are touched."""

    def happens(probability: float) -> bool:
        return rng.random() < probability * share

    speech = np.pad(speech, (rng.randint(0, 3200), rng.randint(0, 16000 if rng.random() < 0.2 else 3200)))
    if happens(0.25):
        speech = room(speech, rng)
    if happens(0.6):
        speech = at_snr(speech, noise(len(speech), rng), rng.uniform(6, 40))
    if happens(0.2):
        speech = telephone(speech, rng.uniform(150, 350), rng.uniform(3000, 3900))
    speech = speech * 10 ** rng.uniform(-1.4, 0)
    if happens(0.05):
        speech = (speech * rng.uniform(2, 6)).clip(-1, 1)
    if happens(0.03):
        speech = speech + np.float32(rng.uniform(-0.1, 0.1))
    if happens(0.1):
        speech = np.pad(speech, (0, rng.randint(0, 3 * RATE)))  # digital silence, as padding is
    return np.asarray(speech, np.float32)
