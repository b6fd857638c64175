"""What a model repository holds at this moment: a model is a folder with a config.pbtxt and a numbered version."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StoredModel:
    """Two of these differ exactly when Triton has something to load: a version came, went or was replaced."""

    config_mtime_ns: int
    versions: tuple[tuple[int, int], ...]  # (number, inode of the folder), ascending
    graphs: frozenset[str] = frozenset()  # the models that its versions call, which are loaded before it

    @property
    def version_numbers(self) -> tuple[int, ...]:
        return tuple(number for number, _inode in self.versions)


def scan(repository: Path) -> dict[str, StoredModel]:
    """Folders that are still being written carry a dot in front and are not seen: the rename makes them appear."""
    found: dict[str, StoredModel] = {}
    for folder in _folders(repository):
        versions = tuple(sorted((int(each.name), each.inode()) for each in _folders(folder.path) if _is_version(each)))
        try:
            config_mtime_ns = os.stat(Path(folder.path, "config.pbtxt")).st_mtime_ns
        except FileNotFoundError:
            continue
        if versions:
            called = [_graphs(Path(folder.path, str(number))) for number, _inode in versions]
            graphs = frozenset(name for names in called for name in names)
            found[folder.name] = StoredModel(config_mtime_ns, versions, graphs)
    return found


def _graphs(version: Path) -> set[str]:
    """The models that a version's manifest names: each engine's graph, who hears the language, and who voices."""
    try:
        manifest = json.loads((version / "manifest.json").read_bytes())
        parts = [manifest, *manifest.get("engines", ()), manifest.get("detection") or {}]
        graphs = {str(part["graph"]["model"]) for part in parts if "graph" in part}
        return graphs | {str(part["voice_activity"]) for part in parts if part.get("voice_activity")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _folders(path: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from (entry for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return  # it vanished between two looks


def _is_version(entry: os.DirEntry[str]) -> bool:
    return entry.name.isdecimal() and not entry.name.startswith("0")
