"""Reading the shards that synthesis writes."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.training.engines import Samples


@dataclass(frozen=True)
class Recording:
    """An utterance and where its samples lie."""

    language: str
    text: str
    english: str
    engine: str
    shard: npt.NDArray[np.int16]
    offset: int
    length: int

    def samples(self) -> Samples:
        return self.shard[self.offset : self.offset + self.length].astype(np.float32) / 32768


def recordings(folder: Path, pattern: str) -> list[Recording]:
    """All recordings of the shards that match, in the order of their names."""
    found = []
    for path in sorted(folder.glob(f"{pattern}.npy")):
        shard = np.load(path, mmap_mode="r")
        for line in path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            fields = {name: item[name] for name in ("language", "text", "english", "engine", "offset", "length")}
            found.append(Recording(shard=shard, **fields))
    if not found:
        raise FileNotFoundError(f"{folder} has no shard {pattern}: python -m export.training.synthesis --kind ...")
    return found
