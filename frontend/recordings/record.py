"""What an export is, and what every store of finished ones can do."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

from frontend.speech import RATE

State = Literal["running", "incomplete", "complete"]

# The files of an export, as they lie in its folder and under its name in a bucket.
RECORD, AUDIO, TRANSCRIPT = "export.json", "audio.wav", "transcript.jsonl"
SAMPLE_BYTES = 2
HEADER_BYTES = 44
_ID = re.compile(r"[0-9a-f]{32}")
_MAX_WAV_BYTES = 0xFFFFFFFF
_MAX_RATE = _MAX_WAV_BYTES // SAMPLE_BYTES
_NO_FILES_BYTES = 1 << 63  # which no file system has room for, and which must be divided as a float
_YEAR_10000 = 253_402_300_800  # in seconds since 1970: from there on there is no calendar


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class Record:
    """What is known of an export beside its audio and transcript."""

    export_id: str
    # The name of the key that made it; None where no key was needed.
    owner: str | None
    # Seconds since 1970.
    started: float
    ended: float | None = None
    rate: int = RATE
    state: State = "running"
    audio_bytes: int = 0

    @property
    def seconds(self) -> float:
        return self.audio_bytes / SAMPLE_BYTES / self.rate

    def save(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes, export_id: str) -> "Record":
        """ValueError when it is not that export's."""
        try:
            record = cls(**json.loads(data))
            if record._is_sound() and record.export_id == export_id:
                return record
        except (TypeError, ValueError, RecursionError) as e:
            raise ValueError("not an export's record") from e
        raise ValueError("not an export's record")

    def _is_sound(self) -> bool:
        """Whether each field is of its kind; some that are not raise TypeError."""
        return (
            isinstance(self.owner, str | None)
            and _is_moment(self.started)
            and self.state in get_args(State)
            and (self.ended is None if self.state == "running" else _is_moment(self.ended))
            and type(self.rate) is type(self.audio_bytes) is int
            and 0 < self.rate <= _MAX_RATE
            and 0 <= self.audio_bytes < _NO_FILES_BYTES
        )


def _is_moment(value: object) -> bool:
    return type(value) in (int, float) and 0 <= cast(float, value) < _YEAR_10000


@dataclass(frozen=True)
class Access:
    """Whose exports somebody may see: those of one key, or all."""

    key_name: str | None = None
    everybodys: bool = False

    def has(self, record: Record) -> bool:
        return self.everybodys or (self.key_name is not None and record.owner == self.key_name)


def wav_header(audio_bytes: int, rate: int) -> bytes:
    """Of 16-bit mono. What is longer than the format can say (37 hours at 16 kHz) is called as long as it can."""
    riff_bytes = min(audio_bytes + HEADER_BYTES - 8, _MAX_WAV_BYTES)
    data_bytes = min(audio_bytes, _MAX_WAV_BYTES)
    return b"".join(
        (
            b"RIFF" + riff_bytes.to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little"),
            *(value.to_bytes(2, "little") for value in (1, 1)),
            *(value.to_bytes(4, "little") for value in (rate, rate * SAMPLE_BYTES)),
            *(value.to_bytes(2, "little") for value in (SAMPLE_BYTES, 8 * SAMPLE_BYTES)),
            b"data" + data_bytes.to_bytes(4, "little"),
        )
    )


class WavReader(Protocol):
    """An export's audio as a WAV file, block by block."""

    def read(self) -> bytes:
        """The next block; empty at the end."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """Keeps finished exports. Its methods wait for disks and networks: call them in threads.

    FileNotFoundError when there is no such export, UnavailableError when it cannot be known now.
    """

    def save(self, export_id: str, folder: Path) -> None:
        """Take what is in the folder, which is gone afterwards. May be repeated after a failure."""
        ...

    def ids(self) -> set[str]: ...

    def record(self, export_id: str) -> Record: ...

    def transcript(self, export_id: str) -> bytes:
        """The finals, a line of JSON each."""
        ...

    def audio(self, record: Record) -> WavReader: ...

    def changed(self, export_id: str) -> float:
        """When anything of it was written last, in seconds since 1970; for one whose record cannot be read."""
        ...

    def delete(self, export_id: str) -> int:
        """How many bytes of the exports' directory that freed. Nothing happens when it is not there."""
        ...


class Bucket(Store, Protocol):
    """A store that is elsewhere."""

    def close(self) -> None:
        """Let a save that is under way fail soon; does not wait for it."""
        ...
