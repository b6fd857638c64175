"""Remembers on disk, model by model, which versions last loaded and with which configuration.

Triton's load API takes a configuration as JSON only, and hands one out only for a model that is loaded: it has to be
kept from a better time for the start at which config.pbtxt or the newest version no longer works.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Served:
    versions: Sequence[int]
    config: dict[str, Any]


class LastGood:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory

    def save(self, model: str, served: Served) -> None:
        target = self._file(model)
        unfinished = target.with_suffix(".tmp")
        unfinished.write_text(json.dumps(asdict(served)))
        os.replace(unfinished, target)

    def load(self, model: str) -> Served | None:
        try:
            return Served(**json.loads(self._file(model).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None  # never loaded, or damaged: as good as never

    def forget(self, model: str) -> None:
        self._file(model).unlink(missing_ok=True)

    def _file(self, model: str) -> Path:
        return self._directory / f"{model}.json"
