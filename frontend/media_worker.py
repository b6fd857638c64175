"""The process that decodes files: asked over a socket, one line of JSON each way, audio through two memory files.

It trusts nothing that it reads: memory, processor time and open files are limited, only formats of single files are
known to it (no playlists that name others), and it dies with the gateway.
"""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soxr

from frontend.audio import PcmDecoder, to_int16
from frontend.errors import AudioError
from frontend.speech import RATE

FORMATS = "wav,w64,aiff,au,mov,matroska,ogg,mp3,flac,aac,amr,asf,avi,mpegts,caf"
_RATES = range(1000, 768_001)
_PR_SET_PDEATHSIG = 1
_BLOCK_BYTES = 1 << 20
# Frames are gathered to about so much before anything is done with them: one by one costs three times as much.
_BLOCK_SAMPLES = 1 << 16
_MAX_REQUEST_BYTES = 4096

Mono = npt.NDArray[np.float32]
Piece = tuple[Mono, int]  # samples on the 16-bit scale, and their rate


def main() -> None:
    memory_bytes, processor_seconds = int(sys.argv[1]), float(sys.argv[2])
    channel = socket.socket(fileno=sys.stdin.fileno())
    _limit(memory_bytes)
    while True:
        line, files, _, _ = socket.recv_fds(channel, _MAX_REQUEST_BYTES, 2)
        if not line:
            return
        _limit_processor_time(processor_seconds)
        answer = _answer(json.loads(line), files)
        for file in files:
            os.close(file)
        channel.send(json.dumps(answer).encode())


def _answer(request: dict[str, Any], files: list[int]) -> dict[str, Any]:
    input_file, output_file = files
    try:
        return _decode(input_file, output_file, request)
    except AudioError as e:
        return {"error": str(e)}
    except MemoryError:
        return {"error": "the file needs too much memory to decode"}
    except Exception as e:
        # Its message may quote the file: what the log gets of it is what it is and where it happened.
        frames = traceback.extract_tb(e.__traceback__)
        where = " > ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in frames)
        sys.stderr.write(f"{type(e).__name__} at {where}\n")
        sys.exit(1)


def _limit(memory_bytes: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/statm", encoding="ascii") as statm:
        loaded_bytes = int(statm.read().split()[0]) * mmap.PAGESIZE
    address_space = loaded_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _limit_processor_time(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _decode(input_file: int, output_file: int, request: dict[str, Any]) -> dict[str, Any]:
    size_bytes = os.fstat(input_file).st_size
    if not size_bytes:
        raise AudioError("the file is empty")
    with mmap.mmap(input_file, size_bytes, access=mmap.ACCESS_READ) as data:
        pieces = _pcm(data, int(request["pcm_rate"])) if request["pcm_rate"] else _file(data)
        return _convert(pieces, output_file, float(request["max_seconds"]))


def _convert(pieces: Iterator[Piece], output_file: int, max_seconds: float) -> dict[str, Any]:
    """Resample the pieces into the output file; the first decides the rate."""
    stream, client_rate, client_samples, written = None, 0, 0, 0
    for mono, rate in pieces:
        if stream is None:
            client_rate = rate
            stream = soxr.ResampleStream(rate, RATE, 1, "float32", "HQ")
        client_samples += len(mono)
        if client_samples > max_seconds * client_rate:
            raise AudioError(f"the audio is longer than {max_seconds:g} s")
        written += _write(output_file, stream.resample_chunk(mono), written)
    if stream is None or not client_samples:
        raise AudioError("the file holds no audio")
    written += _write(output_file, stream.resample_chunk(np.zeros(0, np.float32), last=True), written)
    # Rounding may leave the end a sample short, and with it the last frame of a summary.
    short = -(-client_samples * RATE // client_rate) - written // 2
    written += _write(output_file, np.zeros(max(0, short), np.float32), written)
    return {"client_samples": client_samples, "client_rate": client_rate}


def _write(output_file: int, mono: Mono, offset: int) -> int:
    data = memoryview(to_int16(mono).tobytes())
    done = 0
    while done < len(data):
        done += os.pwrite(output_file, data[done:], offset + done)
    return len(data)


def _pcm(data: mmap.mmap, rate: int) -> Iterator[Piece]:
    decoder = PcmDecoder()
    while block := data.read(_BLOCK_BYTES):
        yield decoder.feed(block).astype(np.float32), rate


def _file(data: mmap.mmap) -> Iterator[Piece]:
    try:
        with av.open(data, options={"format_whitelist": FORMATS}) as container:
            if not container.streams.audio:
                raise AudioError("the file holds no audio")
            yield from _pieces(_frames(container, container.streams.audio[0]))
    except av.error.FFmpegError as e:
        raise AudioError("the file does not decode as audio") from e


def _pieces(frames: Iterator[Any]) -> Iterator[Piece]:
    """Frames as mono floats."""
    gathered: _Frames | None = None
    for frame in frames:
        if gathered is None or not gathered.take(frame):
            yield from gathered.pieces() if gathered else ()
            gathered = _Frames(frame, gathered.rate if gathered else frame.sample_rate)
        if gathered.samples >= _BLOCK_SAMPLES:
            yield from gathered.pieces()
    yield from gathered.pieces() if gathered else ()


class _Frames:
    """Frames of one kind, gathered; all become mono floats of the rate that the file began with."""

    def __init__(self, first: Any, rate: int) -> None:
        if first.sample_rate not in _RATES:
            raise AudioError(f"a sampling rate of {first.sample_rate} Hz is not supported")
        self.rate = rate
        self._kind = _kind(first)
        self._frames = av.AudioFifo()
        self._resampler = av.AudioResampler(format="fltp", layout=first.layout, rate=rate)
        self.take(first)

    @property
    def samples(self) -> int:
        return int(self._frames.samples)

    def take(self, frame: Any) -> bool:
        """Whether the frame is of the kind of the others, and was added to them."""
        if _kind(frame) != self._kind:
            return False
        frame.pts = None  # gaps are passed over
        self._frames.write(frame)
        return True

    def pieces(self) -> Iterator[Piece]:
        for planes in self._resampler.resample(self._frames.read(0, partial=True)) if self.samples else ():
            mono = planes.to_ndarray().mean(axis=0)
            yield np.nan_to_num(mono, posinf=0.0, neginf=0.0) * 32768, self.rate


def _kind(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """What a stream decodes to; damaged packets are passed over, as players do."""
    for packet in container.demux(stream):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


if __name__ == "__main__":
    main()
