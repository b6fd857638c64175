"""Recordings: their bytes as they are, or what FFmpeg decodes them to: 16-bit samples, 16 kHz, mono."""

import contextlib
import importlib.metadata
import io
import itertools
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import av

from frontend.client.errors import InputError

RATE = 16_000
BYTES_A_SECOND = 2 * RATE
SAMPLE = ("moonshine-voice", "moonshine_voice/assets/beckett.wav")


def sample() -> Path:
    """A person's voice, out of the package whose weights are served for English."""
    package, file = SAMPLE
    try:
        return Path(str(importlib.metadata.distribution(package).locate_file(file)))
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"no sample: it comes with the package {package}, which `make run` installs") from None


class Recording:
    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise InputError(f"cannot read {path}: {'not a file' if path.exists() else 'no such file'}")

    @property
    def size(self) -> str:
        """Of the file as it lies there."""
        return f"{self._path.stat().st_size:,} bytes"

    def content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError as e:
            raise self._unreadable(e) from e

    def wav_bytes(self) -> float:
        """How large its WAV will be, by what its container says; nothing where that does not know."""
        return self._path.stat().st_size if self.is_wav() else BYTES_A_SECOND * (self.seconds() or 0.0)

    def is_wav(self) -> bool:
        try:
            with self._path.open("rb") as file:
                return _is_wav(file.read(12))
        except OSError as e:
            raise self._unreadable(e) from e

    def wav(self) -> bytes:
        """The file itself if it is one already."""
        content = self.content()
        if _is_wav(content):
            return content
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            for piece in self._pieces():
                out.writeframesraw(piece)
        return file.getvalue()

    @contextlib.contextmanager
    def flac(self) -> Iterator[BinaryIO]:
        """What a server hears of it, in about half the room."""
        with tempfile.TemporaryFile() as file:
            with av.open(file, "w", format="flac") as out:
                stream = out.add_stream("flac", rate=RATE, layout="mono")
                for frame in itertools.chain(self._frames(), (None,)):
                    out.mux(stream.encode(frame))
            file.seek(0)
            yield cast(BinaryIO, file)

    def seconds(self) -> float | None:
        """As its container says; it may not know."""
        with self._opened() as container:
            return container.duration / av.time_base if container.duration else None

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """The samples in chunks of one size, only the last one shorter."""
        waiting = bytearray()
        for piece in self._pieces():
            waiting += piece
            whole = len(waiting) - len(waiting) % size_bytes
            yield from (bytes(waiting[start : start + size_bytes]) for start in range(0, whole, size_bytes))
            del waiting[:whole]
        if waiting:
            yield bytes(waiting)

    def _pieces(self) -> Iterator[bytes]:
        return (frame.to_ndarray().tobytes() for frame in self._frames())

    def _frames(self) -> Iterator[Any]:
        found = False
        with self._opened() as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in _frames(container):
                for piece in resampler.resample(frame):
                    found = True
                    yield piece
        if not found:
            raise InputError(f"{self._path} holds no audio")

    def _unreadable(self, error: OSError) -> InputError:
        return InputError(f"cannot read {self._path}: {error.strerror}")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            with av.open(str(self._path)) as container:
                if not container.streams.audio:
                    raise InputError(f"{self._path} holds no audio")
                yield container
        except (av.error.FFmpegError, OSError) as e:
            raise InputError(f"{self._path} does not decode as audio") from e


def _is_wav(beginning: bytes) -> bool:
    return beginning[:4] == b"RIFF" and beginning[8:12] == b"WAVE"


def _frames(container: Any) -> Iterator[Any]:
    """What the first audio stream decodes to, and None at the end; damaged packets are passed over, as players do."""
    for packet in container.demux(container.streams.audio[0]):
        with contextlib.suppress(av.error.InvalidDataError):
            for frame in packet.decode():
                frame.pts = None
                yield frame
    yield None
