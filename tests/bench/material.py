"""What the clients say: synthesized speech with pauses between the sentences."""

from collections.abc import Sequence

import numpy as np

from export.calibration.voices import SAMPLE_RATE, TEST_VOICES, Samples, Voice, sentences, speak

# As long as people pause; the first is also the track's beginning.
_PAUSES_SECONDS = (0.4, 0.9, 1.6, 0.6)


def track(number: int, seconds: float) -> Samples:
    """So much speech with pauses, in one of the test voices; the same number says the same."""
    voice = TEST_VOICES[number % len(TEST_VOICES)]
    texts = sentences("en")
    parts, length, at = list[Samples](), 0, number
    while length < seconds * SAMPLE_RATE:
        parts += [silence(_PAUSES_SECONDS[at % len(_PAUSES_SECONDS)]), speak(voice, texts[at % len(texts)])]
        length += len(parts[-2]) + len(parts[-1])
        at += 1
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]


def spoken(voice: Voice, texts: Sequence[str], language: str, seconds: float) -> Samples:
    """The texts one after the other, cut at this length or where they end."""
    parts, length = list[Samples](), 0
    for text in texts:
        if length >= seconds * SAMPLE_RATE:
            break
        parts.append(speak(voice, text, language))
        length += len(parts[-1])
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)
