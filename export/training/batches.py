"""Training batches: a pure function of the seed, the rank and the step, so a resumed run sees what it would have.

Most batches hold single utterances of nearly one length. Some hold joined ones, up to 30 s, because clients do not cut
where a sentence ends; these batches are smaller, so that each holds about as much audio.
"""

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from export.training import alphabet
from export.training.augmentation import augment, faster
from export.training.engines import RATE, Samples
from export.training.features import FRAME_SAMPLES, MELS, log_mel, mel_filters, power
from export.training.noises import no_speech
from export.training.shards import Recording
from export.training.texts import LONGEST_CHARACTERS

IGNORED = -100  # cross-entropy's mark for positions without loss
NOWHERE = (0, -1)
_NEIGHBOURS = 400
# Silence added before an utterance, and the edges of its first and last sounds.
_BEFORE_SAMPLES, _AFTER_SAMPLES = RATE // 10, RATE * 3 // 10
_LONGEST_CHARACTERS = 500  # of a joined text: the decoder has 512 positions


@dataclass(frozen=True)
class Mixture:
    """Which batches and samples are drawn."""

    utterances: int = 16  # in a batch of single ones
    joined_share: float = 0.3
    long_share: float = 0.1
    no_speech_share: float = 0.05
    translated_share: float = 0.5
    augmented_share: float = 0.5


@dataclass(frozen=True)
class Sample:
    sound: Samples
    text: str  # what is said, for CTC; empty without speech
    tokens: list[int]
    first_label: int  # the language, or no speech
    places: list[tuple[int, int]]  # first and last encoder frame where each token is said, (0, -1) where nowhere


@dataclass(frozen=True)
class Batch:
    mel: Tensor
    tokens: Tensor
    labels: Tensor
    texts: list[str]
    places: Tensor  # [batch, tokens, frames]: where each next token is said


class Source:
    """Draws batches from recordings."""

    def __init__(self, recordings: list[Recording], mixture: Mixture, seed: int, rank: int) -> None:
        self._sorted = sorted(recordings, key=lambda recording: recording.length)
        self._by_language = {
            language: [recording for recording in recordings if recording.language == language]
            for language in alphabet.LANGUAGES
        }
        self._mixture = mixture
        self._name = f"{seed}-{rank}"
        self._filters = torch.stack([mel_filters(warp) for warp in np.linspace(0.87, 1.13, 9)])

    def batch(self, step: int) -> Batch:
        rng = random.Random(f"{self._name}-{step}")
        groups = self._groups(rng)
        samples = [self._sample(group, rng) for group in groups]
        return self._collate(samples, rng)

    def _groups(self, rng: random.Random) -> list[list[Recording]]:
        """The recordings of each sample."""
        mixture, drawn = self._mixture, rng.random()
        if drawn < mixture.long_share:
            return [self._joined(rng, rng.uniform(10, 28)) for _ in range(max(1, mixture.utterances // 8))]
        if drawn < mixture.long_share + mixture.joined_share:
            seconds = rng.uniform(3, 10)
            return [self._joined(rng, seconds) for _ in range(max(1, mixture.utterances // 3))]
        place = rng.randrange(max(1, len(self._sorted) - _NEIGHBOURS))
        near = self._sorted[place : place + _NEIGHBOURS]
        return [[recording] for recording in rng.sample(near, min(len(near), mixture.utterances))]

    def _joined(self, rng: random.Random, seconds: float) -> list[Recording]:
        """Utterances of one language, together about as long as that."""
        pool = self._by_language[rng.choice(alphabet.LANGUAGES)]
        group: list[Recording] = []
        samples_left, characters_left = seconds * RATE, _LONGEST_CHARACTERS
        while (samples_left > 2 * RATE and characters_left > LONGEST_CHARACTERS) or not group:
            recording = rng.choice(pool)
            group.append(recording)
            samples_left -= recording.length
            characters_left -= max(len(recording.text), len(recording.english)) + 1
        return group

    def _sample(self, group: list[Recording], rng: random.Random) -> Sample:
        task = alphabet.TRANSLATE if rng.random() < self._mixture.translated_share else alphabet.TRANSCRIBE
        if rng.random() < self._mixture.no_speech_share:
            count = round(rng.uniform(0.05, 1) * sum(recording.length for recording in group)) + FRAME_SAMPLES
            language = alphabet.LANGUAGE_IDS[rng.choice(alphabet.LANGUAGES)]
            tokens = [alphabet.START, language, task, alphabet.NO_TIMESTAMPS, alphabet.END]
            return Sample(no_speech(count, rng), "", tokens, alphabet.NO_SPEECH, [NOWHERE] * len(tokens))
        sound, starts = _concatenated(group, rng)
        share = self._mixture.augmented_share
        pace = rng.uniform(0.9, 1.1) if rng.random() < 0.3 * share else 1.0
        sound = augment(faster(sound, pace) if pace != 1.0 else sound, rng, share)
        said = [recording.english if task == alphabet.TRANSLATE else recording.text for recording in group]
        spans = [
            (round(start / pace), round((start + recording.length) / pace))
            for start, recording in zip(starts, group, strict=True)
        ]
        places = [NOWHERE] * 4 + _places(said, spans, whole=task == alphabet.TRANSLATE) + [NOWHERE]
        language = alphabet.LANGUAGE_IDS[group[0].language]
        tokens = [alphabet.START, language, task, alphabet.NO_TIMESTAMPS, *alphabet.spell(" ".join(said)), alphabet.END]
        text = " ".join(recording.text for recording in group)
        return Sample(sound[: 30 * RATE], text, tokens, language, places)

    def _collate(self, samples: list[Sample], rng: random.Random) -> Batch:
        share = self._mixture.augmented_share
        warps = [rng.randrange(len(self._filters)) if rng.random() < share else 4 for _ in samples]
        mel = log_mel(power(padded([sample.sound for sample in samples])), self._filters[warps])
        for row in mel:
            _colour(row, rng, share)
        tokens, labels = targets(samples)
        places = torch.zeros(*labels.shape, mel.shape[2] // 2, dtype=torch.bool)
        for row, sample in zip(places, samples, strict=True):
            for column, (first, last) in enumerate(sample.places[1:]):
                row[column, first : last + 1] = True
        return Batch(mel, tokens, labels, [sample.text for sample in samples], places)


def _concatenated(group: list[Recording], rng: random.Random) -> tuple[Samples, list[int]]:
    """The utterances one after another, and where each begins."""
    parts, starts = [group[0].samples()], [0]
    for recording in group[1:]:
        parts.append(np.zeros(round(rng.choice([0.1, 0.3, 0.6, 1.5]) * rng.uniform(0.5, 1.5) * RATE), np.float32))
        starts.append(sum(map(len, parts)))
        parts.append(recording.samples() * np.float32(10 ** rng.uniform(-0.4, 0)))
    return np.concatenate(parts), starts


def _places(said: list[str], spans: list[tuple[int, int]], whole: bool) -> list[tuple[int, int]]:
    """The encoder frames where each character is said: about its share of the way through its sentence.

    A translation's words come in another order, so the whole sentence is their place.
    """
    places: list[tuple[int, int]] = []
    for text, (start, end) in zip(said, spans, strict=True):
        for position in range(len(text) + 1):  # with the space after it
            middle = start + (end - start) * position / len(text)
            reach = (end - start) if whole else 0.15 * (end - start) + 0.2 * RATE
            low, high = max(start - _BEFORE_SAMPLES, middle - reach), min(end, middle + reach) + _AFTER_SAMPLES
            places.append((max(0, int(low / FRAME_SAMPLES)), int(high / FRAME_SAMPLES)))
    return places[:-1]


def padded(sounds: list[Samples]) -> Tensor:
    """The sounds as rows, zeros after them, to whole encoder frames."""
    frames = -(-max(len(sound) for sound in sounds) // FRAME_SAMPLES)
    rows = torch.zeros(len(sounds), frames * FRAME_SAMPLES)
    for row, sound in zip(rows, sounds, strict=True):
        row[: len(sound)] = torch.from_numpy(sound)
    return rows


def _colour(mel: Tensor, rng: random.Random, share: float) -> None:
    """A channel's colour, and masks over a few bands and frames."""
    if rng.random() < share:
        band = torch.arange(MELS) / MELS
        curve = sum(rng.uniform(-0.12, 0.12) * torch.cos(torch.pi * order * band) for order in (1, 2, 3))
        mel += torch.as_tensor(curve)[:, None]
    if rng.random() < share:
        bands, frames = rng.randint(0, 8), rng.randint(0, 5)
        low, start = rng.randint(0, MELS - 1 - bands), rng.randint(0, max(1, mel.shape[1] - frames))
        mel[low : low + bands] = 0
        mel[:, start : start + frames] = 0


def targets(samples: list[Sample]) -> tuple[Tensor, Tensor]:
    """Tokens and labels; the task and the no-timestamps token are always given, so nothing is learned from them."""
    longest = max(len(sample.tokens) for sample in samples)
    tokens = torch.full((len(samples), longest), alphabet.END)
    labels = torch.full((len(samples), longest - 1), IGNORED)
    for row, sample in enumerate(samples):
        count = len(sample.tokens)
        tokens[row, :count] = torch.tensor(sample.tokens)
        labels[row, : count - 1] = tokens[row, 1:count]
        labels[row, 0] = sample.first_label
    labels[:, 1:3] = IGNORED
    return tokens, labels
