"""All that is learnt from, as one line of samples, and batches of it made where it lies."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.training.tongues.letters import LANGUAGES, SPACE, spell
from export.training.tongues.speaking import Spoken

RATE = 16_000
# Few lengths and as many rows of each at a time: whatever a device prepares for a shape it prepares once.
LENGTHS = tuple(round(seconds * RATE) for seconds in (1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 18))
AROUND_SAMPLES = RATE // 10  # of what is judged
_AROUND_SECONDS, _BETWEEN_SECONDS = 0.4, 0.8
_JOINED_SHARE, _LONGEST_SECONDS = 0.2, 15.0
_SLOWEST, _FASTEST = 0.82, 1.22
Letters = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    letters: Letters
    start: int
    length: int


@dataclass(frozen=True)
class Row:
    bank: "Bank"
    language: int
    pieces: Sequence[Piece]
    starts: Sequence[int]
    length: int
    pace: float = 1.0  # 1.2 is a fifth faster, and higher


@dataclass(frozen=True)
class Batch:
    sounds: Tensor  # [rows, samples], silence behind a row's end
    lengths: Tensor  # on the CPU
    languages: Tensor
    texts: list[Tensor]


class Bank:
    """Grows until it is full."""

    def __init__(self, seconds: float, device: torch.device) -> None:
        self.samples = torch.zeros(int(seconds * RATE), dtype=torch.int16, device=device)
        self.used = 0
        self.pieces: dict[str, list[Piece]] = {language: [] for language in LANGUAGES}

    @property
    def seconds(self) -> float:
        return self.used / RATE

    def add(self, sound: NDArray[np.int16], spoken: Sequence[tuple[str, str, int]]) -> bool:
        """False where it has no room for it."""
        if self.used + len(sound) > len(self.samples):
            return False
        self.samples[self.used : self.used + len(sound)] = torch.from_numpy(sound).to(self.samples.device)
        start = self.used
        for language, text, length in spoken:
            if text and language in self.pieces:
                self.pieces[language].append(Piece(np.array(spell(text)), start, length))
            start += length
        self.used += len(sound)
        return True

    def take(self, every: Sequence[Spoken]) -> bool:
        facts = [(each.language, each.text, len(each.sound)) for each in every]
        return self.add(np.concatenate([each.sound for each in every]), facts)


@dataclass(frozen=True)
class Sources:
    machines: Bank
    people: Bank
    people_share: float


def batches(sources: Sources, seconds: float, rng: random.Random) -> Iterator[Batch]:
    """Of about so many seconds each, of rows of about one length; without an end."""
    waiting: dict[int, list[Row]] = {length: [] for length in LENGTHS}
    while True:
        row = _drawn(sources, rng)
        length = next(each for each in LENGTHS if each >= row.length)
        waiting[length].append(row)
        if len(waiting[length]) >= seconds * RATE // length:
            yield batch(waiting[length], length)
            waiting[length] = []


def _drawn(sources: Sources, rng: random.Random) -> Row:
    """Languages alike often; of one that no person speaks, machines alone."""
    language = rng.randrange(len(LANGUAGES))
    name, pace = LANGUAGES[language], rng.uniform(_SLOWEST, _FASTEST)
    spoken = sources.people.pieces[name] and rng.random() < sources.people_share
    bank = sources.people if spoken else sources.machines
    count = rng.randint(2, 4) if rng.random() < _JOINED_SHARE else 1
    pieces: list[Piece] = []
    starts: list[int] = []
    place = int(rng.uniform(0, _AROUND_SECONDS) * RATE)
    for piece in (rng.choice(bank.pieces[name]) for _ in range(count)):
        length = int(piece.length / pace)
        if pieces and place + length > _LONGEST_SECONDS * RATE:
            break
        pieces.append(piece)
        starts.append(place)
        place += length + int(rng.uniform(0.05, _BETWEEN_SECONDS) * RATE)
    end = starts[-1] + int(pieces[-1].length / pace) + int(rng.uniform(0, _AROUND_SECONDS) * RATE)
    return Row(bank, language, pieces, starts, min(max(end, RATE // 2), LENGTHS[-1]), pace)


def batch(rows: Sequence[Row], length: int) -> Batch:
    device = rows[0].bank.samples.device
    sounds = torch.zeros(len(rows) * length, device=device)
    for bank in {id(row.bank): row.bank for row in rows}.values():
        _lay(bank, [(place, row) for place, row in enumerate(rows) if row.bank is bank], length, sounds)
    space = np.array([SPACE])
    texts = [
        torch.from_numpy(np.concatenate([part for piece in row.pieces for part in (piece.letters, space)][:-1]))
        for row in rows
    ]
    languages = torch.tensor([row.language for row in rows]).to(device, non_blocking=True)
    lengths = torch.tensor([row.length for row in rows])
    return Batch(sounds.view(len(rows), length), lengths, languages, texts)


def _lay(bank: Bank, rows: Sequence[tuple[int, Row]], length: int, sounds: Tensor) -> None:
    """All pieces at once: each sample lies between two of what was said, nearer to one as its pace has it."""
    device = sounds.device
    every = [
        (piece.start, place * length + start, row.pace, min(int(piece.length / row.pace), length - start))
        for place, row in rows
        for piece, start in zip(row.pieces, row.starts, strict=True)
    ]
    begins, places, counts = (torch.tensor([each[part] for each in every]).to(device) for part in (0, 1, 3))
    paces = torch.tensor([each[2] for each in every], dtype=torch.float32).to(device)
    total = sum(each[3] for each in every)
    piece = torch.repeat_interleave(counts, output_size=total)
    within = torch.arange(total, device=device) - (counts.cumsum(0) - counts)[piece]
    at = within * paces[piece]
    before = at.long()
    share = at - before
    source = begins[piece] + before
    last = len(bank.samples) - 1
    low, high = bank.samples[source].float(), bank.samples[(source + 1).clamp(max=last)].float()
    sounds[places[piece] + within] = (low + (high - low) * share) / 32768


def whole(bank: Bank, language: str, piece: Piece) -> Row:
    """As it is, to be judged."""
    return Row(bank, LANGUAGES.index(language), [piece], [AROUND_SAMPLES], piece.length + 2 * AROUND_SAMPLES)
