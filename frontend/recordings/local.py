"""A directory of exports, each a folder of its own. Streams are written in one such directory and kept in another."""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from frontend.recordings.claims import claimed, is_claimed
from frontend.recordings.record import AUDIO, HEADER_BYTES, RECORD, SAMPLE_BYTES, TRANSCRIPT, Record, is_id, wav_header

_BLOCK_BYTES = 256 << 10


class LocalStore:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def folder(self, export_id: str) -> Path:
        return self._directory / export_id

    def save(self, export_id: str, folder: Path) -> None:
        os.rename(folder, self.folder(export_id))
        sync(self._directory)

    @contextlib.contextmanager
    def claim(self, export_id: str) -> Iterator[None]:
        """For a while nobody else writes, moves or deletes it; BlockingIOError while somebody does."""
        try:
            number = claimed(self.folder(export_id) / AUDIO)
        except FileNotFoundError:
            if not self.folder(export_id).exists():
                raise
            yield  # what lacks its audio is nobody's work
            return
        try:
            yield
        finally:
            os.close(number)

    def is_claimed(self, export_id: str) -> bool:
        try:
            return is_claimed(self.folder(export_id) / AUDIO)
        except FileNotFoundError:
            return False

    def ids(self) -> set[str]:
        return {name for name in os.listdir(self._directory) if is_id(name)}

    def record(self, export_id: str) -> Record:
        """Of a stream that is still written: with as much audio as there is now.

        One whose writer is gone is incomplete, and has no end until somebody finishes it.
        """
        folder = self.folder(export_id)
        record = Record.load((folder / RECORD).read_bytes(), export_id)
        if record.state != "running":
            return record
        audio_bytes = max(0, (folder / AUDIO).stat().st_size - HEADER_BYTES)
        record = dataclasses.replace(record, audio_bytes=audio_bytes - audio_bytes % SAMPLE_BYTES)
        if self.is_claimed(export_id):
            return record
        final = Record.load((folder / RECORD).read_bytes(), export_id)  # which its writer left before it let go
        return dataclasses.replace(record, state="incomplete") if final.state == "running" else final

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

    def sweep(self, least_age_seconds: float = 0.0) -> None:
        """Remove what a crash left half made or half deleted; what is younger may be somebody's work."""
        for path in self._directory.glob(".*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= time.time() - least_age_seconds:
                    shutil.rmtree(path)


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
