"""An export that is being written: audio and finals are appended, and last from each write on.

Its folder appears with all its files or not at all, and its audio is claimed by who writes it. The record beside them
says `running` until it is replaced by the final one, so a draft that a crash left behind is known as such and can be
finished by what is there. The final record's room is taken at the beginning: a draft can be finished on a full disk.
"""

import dataclasses
import errno
import json
import os
import time
from pathlib import Path

from frontend.recordings.claims import claimed
from frontend.recordings.local import LocalStore, sync
from frontend.recordings.record import AUDIO, HEADER_BYTES, RECORD, SAMPLE_BYTES, TRANSCRIPT, Record, State, wav_header
from frontend.speech import RATE

_FINAL_RECORD = f"{RECORD}.final"
_RECORD_BYTES = 512


class Draft:
    """Its methods wait for the disk and raise OSError: call them in threads, one at a time."""

    def __init__(self, folder: Path, record: Record, min_free_bytes: int = 0) -> None:
        """Of a folder that is there; what is in its files is taken for good. BlockingIOError when another writes it."""
        self._folder = folder
        self._record = record
        self._min_free_bytes = min_free_bytes
        # Of all its files, once it is finished.
        self.size_bytes = 0
        self._audio = self._transcript = -1
        try:
            self._audio = claimed(folder / AUDIO)
            self._transcript = os.open(folder / TRANSCRIPT, os.O_RDWR)
            self._audio_end = os.fstat(self._audio).st_size
            self._transcript_end = os.fstat(self._transcript).st_size
        except OSError:
            self.close()
            raise

    @classmethod
    def begin(cls, store: LocalStore, record: Record, min_free_bytes: int) -> "Draft":
        folder = store.folder(record.export_id)
        unfinished = folder.with_name(f".new-{record.export_id}")
        require_free(folder.parent, min_free_bytes)
        unfinished.mkdir()
        beginnings = {
            AUDIO: wav_header(0, record.rate),
            TRANSCRIPT: b"",
            RECORD: record.save(),
            _FINAL_RECORD: bytes(_RECORD_BYTES),
        }
        for name, content in beginnings.items():
            with (unfinished / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        draft = cls(unfinished, record, min_free_bytes)
        try:
            os.rename(unfinished, folder)
            sync(folder.parent)
        except OSError:
            draft.close()
            raise
        draft._folder = folder
        return draft

    @classmethod
    def left(cls, store: LocalStore, export_id: str) -> "Draft":
        """What a writer left that is gone; BlockingIOError when it is not."""
        folder = store.folder(export_id)
        draft = cls(folder, Record(export_id, None, 0.0))
        try:
            draft._record = _record_in(folder, export_id)
        except OSError:
            draft.close()
            raise
        return draft

    @property
    def is_finished(self) -> bool:
        return self._record.state != "running"

    def append(self, pcm: bytes, lines: bytes) -> None:
        """What was written when this fails stays, as far as it is whole."""
        require_free(self._folder, self._min_free_bytes)
        if pcm:
            view = memoryview(pcm)
            while view:
                written = os.pwrite(self._audio, view, self._audio_end)
                view, self._audio_end = view[written:], self._audio_end + written
            os.fdatasync(self._audio)
        if lines:
            view, end = memoryview(lines), self._transcript_end
            while view:
                written = os.pwrite(self._transcript, view, end)
                view, end = view[written:], end + written
            self._transcript_end = end
            os.fdatasync(self._transcript)

    def reader(self) -> int:
        """A descriptor to read the audio with, whatever becomes of the draft; whoever asks closes it."""
        return os.open(self._folder / AUDIO, os.O_RDONLY)

    def finish(self, state: State) -> Record:
        """Make the files whole and the record final. May be repeated after a failure."""
        audio_bytes = max(0, self._audio_end - HEADER_BYTES)
        audio_bytes -= audio_bytes % SAMPLE_BYTES
        os.ftruncate(self._audio, HEADER_BYTES + audio_bytes)
        os.ftruncate(self._transcript, self._transcript_end)
        os.pwrite(self._audio, wav_header(audio_bytes, self._record.rate), 0)
        for number in (self._audio, self._transcript):
            os.fsync(number)
        record = dataclasses.replace(self._record, state=state, audio_bytes=audio_bytes, ended=time.time())
        self._replace_record(record)
        self.size_bytes = HEADER_BYTES + audio_bytes + self._transcript_end + len(_padded(record))
        self.close()
        return record

    def recover(self) -> Record:
        """Finish what a crash interrupted, without what it tore."""
        self._transcript_end = _whole_lines_bytes(self._folder / TRANSCRIPT)
        return self.finish("incomplete")

    def close(self) -> None:
        for number in (self._audio, self._transcript):
            if number >= 0:
                os.close(number)
        self._audio = self._transcript = -1

    def _replace_record(self, record: Record) -> None:
        number = os.open(self._folder / _FINAL_RECORD, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.pwrite(number, _padded(record), 0)
            os.fsync(number)
        finally:
            os.close(number)
        os.rename(self._folder / _FINAL_RECORD, self._folder / RECORD)
        sync(self._folder)


def _record_in(folder: Path, export_id: str) -> Record:
    """Nobody's, where a crash tore it."""
    try:
        return Record.load((folder / RECORD).read_bytes(), export_id)
    except ValueError:
        with (folder / AUDIO).open("rb") as audio:
            rate = int.from_bytes(audio.read(HEADER_BYTES)[24:28], "little")
        return Record(export_id, None, (folder / AUDIO).stat().st_mtime, rate=rate or RATE)


def _padded(record: Record) -> bytes:
    return record.save().ljust(_RECORD_BYTES)


def _whole_lines_bytes(transcript: Path) -> int:
    """Up to the first line that is not all there; a machine that lost power may leave zeros, not only a short line."""
    size_bytes = 0
    with transcript.open("rb") as file:
        for line in file:
            if not (line.endswith(b"\n") and _is_json(line)):
                break
            size_bytes += len(line)
    return size_bytes


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def require_free(directory: Path, min_free_bytes: int) -> None:
    """OSError unless the disk has room for more."""
    disk = os.statvfs(directory)
    if disk.f_bavail * disk.f_frsize < min_free_bytes:
        raise OSError(errno.ENOSPC, "the disk has less space left than exports.min_free_bytes")
