"""A directory of exports, each a folder of its own. Streams are written in one such directory and kept in another."""

import dataclasses
import fcntl
import os
import shutil
from pathlib import Path
from typing import ClassVar

from frontend.recordings.record import AUDIO, HEADER_BYTES, RECORD, SAMPLE_BYTES, TRANSCRIPT, Record, is_id, wav_header

_BLOCK_BYTES = 256 << 10


class LocalStore:
    is_local: ClassVar[bool] = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def folder(self, export_id: str) -> Path:
        return self._directory / export_id

    def save(self, export_id: str, folder: Path) -> None:
        os.rename(folder, self.folder(export_id))
        sync(self._directory)

    def ids(self) -> set[str]:
        return {name for name in os.listdir(self._directory) if is_id(name)}

    def record(self, export_id: str) -> Record:
        """Of a stream that is still written: with as much audio as there is now."""
        folder = self.folder(export_id)
        record = Record.load((folder / RECORD).read_bytes(), export_id)
        if record.state != "running":
            return record
        audio_bytes = max(0, (folder / AUDIO).stat().st_size - HEADER_BYTES)
        return dataclasses.replace(record, audio_bytes=audio_bytes - audio_bytes % SAMPLE_BYTES)

    def is_finished(self, export_id: str) -> bool:
        try:
            return self.record(export_id).state != "running"
        except (OSError, ValueError):  # a machine that lost power may leave anything
            return False

    def transcript(self, export_id: str) -> bytes:
        data = (self.folder(export_id) / TRANSCRIPT).read_bytes()
        return data[: data.rfind(b"\n") + 1]  # a line may be on its way

    def audio(self, record: Record) -> "FileReader":
        return FileReader(self.folder(record.export_id) / AUDIO, record)

    def size_bytes(self, export_id: str) -> int:
        """0 when it is not there."""
        try:
            with os.scandir(self.folder(export_id)) as entries:
                return sum(entry.stat().st_size for entry in entries)
        except FileNotFoundError:
            return 0

    def changed(self, export_id: str) -> float:
        with os.scandir(self.folder(export_id)) as entries:
            written = [entry.stat().st_mtime for entry in entries]
        return max(written, default=0.0) or self.folder(export_id).stat().st_mtime

    def delete(self, export_id: str) -> int:
        """At once, as far as anybody can see: half an export is never there."""
        size_bytes = self.size_bytes(export_id)
        gone = self._directory / f".gone-{export_id}"
        try:
            os.rename(self.folder(export_id), gone)
        except FileNotFoundError:
            return 0
        shutil.rmtree(gone)
        return size_bytes

    def close(self) -> None:
        pass

    def sweep(self) -> None:
        """Remove what a crash left half made or half deleted."""
        for name in os.listdir(self._directory):
            if name.startswith("."):
                shutil.rmtree(self._directory / name)


class FileReader:
    """As much of the file as the record says, behind a header that says the same."""

    def __init__(self, path: Path, record: Record) -> None:
        self._file = path.open("rb", buffering=0)
        self._file.seek(HEADER_BYTES)
        self._header = wav_header(record.audio_bytes, record.rate)
        self._left_bytes = record.audio_bytes

    def read(self) -> bytes:
        if self._header:
            header, self._header = self._header, b""
            return header
        block = self._file.read(min(_BLOCK_BYTES, self._left_bytes))
        self._left_bytes -= len(block)
        return block

    def close(self) -> None:
        self._file.close()


def sync(directory: Path) -> None:
    """Make the names in it last."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def lock(directory: Path) -> int:
    """Keep others from finishing what this process still writes; BlockingIOError when another has it.

    It lasts until the number that comes back is closed, at the latest with the process, and is not its children's.
    """
    number = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise
    return number
