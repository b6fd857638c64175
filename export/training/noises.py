"""Sounds that are not speech: they are mixed into speech, and alone they must give no text."""

import random
from collections.abc import Callable
from functools import cache

import numpy as np

from export.training.engines import RATE, Samples

_BANK_SAMPLES = 1 << 20
_SLOPES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the amplitude over frequency: 0 white, 0.5 pink, 1 brown
_DTMF_LOW, _DTMF_HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


@cache
def _bank(slope: float) -> Samples:
    """A minute of noise; samples are slices of it."""
    generator = np.random.default_rng(round(slope * 100))
    spectrum = np.fft.rfft(generator.standard_normal(_BANK_SAMPLES))
    hertz = np.arange(len(spectrum)) * RATE / _BANK_SAMPLES
    noise = np.fft.irfft(spectrum / np.maximum(hertz, 50) ** slope, _BANK_SAMPLES)
    return np.asarray(noise / noise.std(), np.float32)


def noise(count: int, rng: random.Random, slope: float | None = None) -> Samples:
    """Noise of unit power."""
    bank = _bank(rng.choice(_SLOPES) if slope is None else slope)
    return bank[rng.randrange(len(bank) - count) :][:count]


def _time(count: int) -> Samples:
    return np.arange(count, dtype=np.float32) / RATE


def _tone(hertz: float, count: int, harmonics: int = 1) -> Samples:
    phases = 2 * np.pi * hertz * _time(count)
    waves = [np.sin(phases * order) / order for order in range(1, harmonics + 1) if hertz * order < RATE / 2]
    return np.asarray(np.sum(waves, 0), np.float32)


def silence(count: int, rng: random.Random) -> Samples:
    return np.zeros(count, np.float32)


def hiss(count: int, rng: random.Random) -> Samples:
    return noise(count, rng) * 0.1


def white(count: int, rng: random.Random) -> Samples:
    return noise(count, rng, 0.0) * 0.1


def pink(count: int, rng: random.Random) -> Samples:
    return noise(count, rng, 0.5) * 0.1


def hum(count: int, rng: random.Random) -> Samples:
    base = rng.choice([50, 60, 100, 120]) * rng.uniform(0.98, 1.02)
    return _tone(base, count, rng.randint(1, 8)) * 0.1 + noise(count, rng) * rng.uniform(0, 0.02)


def surge(count: int, rng: random.Random) -> Samples:
    """Noise that swells and fades, as wind and traffic do."""
    swell = 1 + 0.9 * np.sin(2 * np.pi * rng.uniform(0.3, 6) * _time(count))
    return np.asarray(noise(count, rng) * swell * 0.1, np.float32)


def clicks(count: int, rng: random.Random) -> Samples:
    sound = noise(count, rng) * rng.choice([0.0, 0.005])
    for _ in range(rng.randint(1, 8)):
        start = rng.randrange(count)
        length = min(count - start, rng.randint(10, 800))
        decay = np.exp(-np.arange(length) / rng.uniform(10, 150)).astype(np.float32)
        sound[start : start + length] += noise(length, rng, 0.0) * decay * rng.uniform(0.1, 0.6)
    return sound


def _sequence(
    count: int, rng: random.Random, note_seconds: tuple[float, float], draw: Callable[[int], Samples]
) -> Samples:
    """Notes one after another, some with pauses between."""
    sound = np.zeros(count, np.float32)
    start = 0
    while start < count:
        length = min(count - start, round(rng.uniform(*note_seconds) * RATE))
        fade = min(length, 80)
        note = draw(length)
        note[length - fade :] *= np.linspace(1, 0, fade)
        sound[start : start + length] = note
        start += length + round(rng.choice([0.0, 0.0, 0.1]) * RATE)
    return sound


def music(count: int, rng: random.Random) -> Samples:
    """Chords of harmonic tones that fade, in the order of a melody."""
    root = rng.uniform(80, 440)
    scale = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)

    def chord(length: int) -> Samples:
        steps = rng.sample(scale, rng.randint(1, 4))
        fading = np.exp(-_time(length) * rng.uniform(0, 6)).astype(np.float32)
        tones = [_tone(root * 2 ** (step / 12), length, rng.randint(1, 6)) for step in steps]
        return np.asarray(np.sum(tones, 0) * fading * 0.08, np.float32)

    return _sequence(count, rng, (0.08, 0.8), chord)


def tones(count: int, rng: random.Random) -> Samples:
    parts = [_tone(rng.uniform(100, 4000), count) * rng.uniform(0.02, 0.2) for _ in range(rng.randint(1, 4))]
    return np.asarray(np.sum(parts, 0), np.float32)


def dtmf(count: int, rng: random.Random) -> Samples:
    def key(length: int) -> Samples:
        return (_tone(rng.choice(_DTMF_LOW), length) + _tone(rng.choice(_DTMF_HIGH), length)) * 0.15

    return _sequence(count, rng, (0.05, 0.25), key)


def sweep(count: int, rng: random.Random) -> Samples:
    low, high = rng.uniform(50, 1000), rng.uniform(1000, 7000)
    hertz = np.linspace(low, high, count) if rng.random() < 0.5 else np.linspace(high, low, count)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * 0.2, np.float32)


def offset(count: int, rng: random.Random) -> Samples:
    """A DC offset, with or without a little noise."""
    return np.full(count, rng.uniform(-0.5, 0.5), np.float32) + noise(count, rng) * rng.choice([0.0, 0.005])


KINDS = {
    sound.__name__: sound
    for sound in (silence, hiss, white, pink, hum, surge, clicks, music, tones, dtmf, sweep, offset)
}


def no_speech(count: int, rng: random.Random) -> Samples:
    """One of them at a random level."""
    sound = KINDS[rng.choice(list(KINDS))](count, rng)
    return np.asarray(sound * 10 ** rng.uniform(-2, 0.3), np.float32).clip(-1, 1)
