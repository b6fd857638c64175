"""The clips that were encoded, with their frames."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.heads.reference import WIDTH, Array
from export.training.heads.clip import Clip

FRAMES_A_SECOND = 16_000 / 384
LEAST_FRAMES = 122  # of a clip whose language is judged: three seconds


@dataclass(frozen=True)
class Encoded:
    clip: Clip
    offset: int
    length: int
    shard: NDArray[np.float16] = field(repr=False)

    def frames(self, start: int = 0, most: int | None = None) -> Array:
        end = self.length if most is None else min(self.length, start + most)
        return self.shard[self.offset + start : self.offset + end].astype(np.float32)


def load(folder: Path, wanted: Callable[[Clip], bool]) -> list[Encoded]:
    found = []
    for path in sorted(folder.glob("frames-*.jsonl")):
        shard = np.memmap(path.with_suffix(".f16"), np.float16, "r").reshape(-1, WIDTH)
        for line in path.read_text(encoding="utf-8").splitlines():
            facts = json.loads(line)
            offset, length = facts.pop("offset"), facts.pop("length")
            if wanted(clip := Clip(**facts)):
                found.append(Encoded(clip, offset, length, shard))
    if not found:
        raise FileNotFoundError(f"{folder} has no frames: python -m export.training.heads.encoding")
    return found


def padded(clips: Sequence[Array]) -> tuple[Array, Array]:
    """Frames of clips of different lengths as one array, and its mask."""
    longest = max(len(frames) for frames in clips)
    together = np.zeros((len(clips), longest, WIDTH), np.float32)
    mask = np.zeros((len(clips), longest), np.float32)
    for place, frames in enumerate(clips):
        together[place, : len(frames)], mask[place, : len(frames)] = frames, 1
    return together, mask
