"""Numbered versions of a model on disk: which one carries a recipe, and how a new one appears whole or not at all."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL_FILE, MANIFEST_FILE = "model.onnx", "manifest.json"
UNFINISHED_PREFIX = ".unfinished-"


@dataclass(frozen=True)
class Version:
    """One finished version folder; a manifest that cannot be read is an empty one, so that it is never current."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def number(self) -> int:
        return int(self.path.name)

    @property
    def model_path(self) -> Path:
        return self.path / MODEL_FILE

    def carries(self, recipe: str) -> bool:
        """A version that only names other models' graphs holds none itself."""
        complete = bool({"graph", "engines"} & self.manifest.keys()) or self.model_path.is_file()
        return self.manifest.get("recipe") == recipe and complete


def versions(folder: Path) -> list[Version]:
    """The versions of a model, oldest first."""
    if not folder.is_dir():
        return []
    numbered = [path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir()]
    return [Version(path, _read_manifest(path)) for path in sorted(numbered, key=lambda path: int(path.name))]


def current(folder: Path, recipe: str) -> Version | None:
    """The newest version that was made by this recipe."""
    return next((version for version in reversed(versions(folder)) if version.carries(recipe)), None)


def publish(folder: Path, files: Mapping[str, bytes]) -> Version:
    """The files as the next version: a server that watches sees the finished folder appear by one rename."""
    folder.mkdir(parents=True, exist_ok=True)
    with _exclusive(folder):
        _discard_unfinished(folder)
        taken = [version.number for version in versions(folder)]
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED_PREFIX, dir=folder))
        try:
            for name, content in files.items():
                _write_durably(unfinished / name, content)
            for folder_within in {(unfinished / name).parent for name in files} - {unfinished}:
                folder_within.chmod(0o755)
                _flush_folder(folder_within)
            unfinished.chmod(0o755)  # mkdtemp made it private; a server in a container is another user
            _flush_folder(unfinished)
            finished = unfinished.rename(folder / str(max(taken, default=0) + 1))
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _flush_folder(folder)
    return Version(finished, _read_manifest(finished))


def _read_manifest(path: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """One publisher a model at a time; the lock is on the folder itself and ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _discard_unfinished(folder: Path) -> None:
    """What a publisher that was killed left behind; nobody else can be writing while we hold the lock."""
    for path in folder.glob(f"{UNFINISHED_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _write_durably(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
