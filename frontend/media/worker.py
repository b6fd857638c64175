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
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
import soxr

from frontend.errors import AudioError, IncompleteError
from frontend.media import json_audio
from frontend.media.codecs import PcmDecoder, to_int16
from frontend.speech import RATE

FORMATS = "wav,w64,aiff,au,mov,matroska,ogg,mp3,flac,aac,amr,asf,avi,mpegts,caf,flv,wv,ac3,eac3,mpeg,voc,tta,sox"
_RATES = range(1000, 768_001)
_MAX_CHANNELS = 64
_PR_SET_PDEATHSIG = 1
_BLOCK_BYTES = 1 << 20
_BLOCK_SAMPLES = 1 << 16  # of frames before anything is done with them: one by one costs three times as much
_MAX_REQUEST_BYTES = 4096
_NICENESS = 5  # where processors are scarce, conversations go before files
# How files begin whose audio may come later.
_SIGNATURES = (
    *((4, box) for box in (b"ftyp", b"wide", b"free", b"skip", b"mdat", b"moov")),
    *((0, sign) for sign in (b"\x1aE\xdf\xa3", b"OggS", b"fLaC", b"ID3", b"RIFF")),
)
MAX_ANSWER_BYTES = 64 << 10
# Said before anything is done with a file: who ends without it has not ended because of the file.
BEGUN = b"begun"
_DEEPEST = 500  # calls, and so parsed JSON: the gateway reads the answer with more on its stack already

Mono = npt.NDArray[np.float32]
Piece = tuple[Mono, int]  # samples on the 16-bit scale, and their rate


def main() -> None:
    sys.setrecursionlimit(_DEEPEST)
    memory_bytes, processor_seconds = int(sys.argv[1]), float(sys.argv[2])
    channel = socket.socket(fileno=sys.stdin.fileno())
    _limit(memory_bytes)
    while True:
        line, files, _, _ = socket.recv_fds(channel, _MAX_REQUEST_BYTES, 2)
        if not line:
            return
        channel.send(BEGUN)
        _limit_processor_time(processor_seconds)
        reply = answer(json.loads(line), files)
        for file in files:
            os.close(file)
        channel.send(json.dumps(reply).encode())


def answer(request: dict[str, Any], files: list[int]) -> dict[str, Any]:
    input_file, output_file = files
    try:
        return _ACTIONS[request["action"]](input_file, output_file, request)
    except AudioError as e:
        return {"failure": str(e), "incomplete": isinstance(e, IncompleteError)}
    except MemoryError:
        return {"failure": "the file needs too much memory to decode", "incomplete": False}
    except Exception as e:
        # Its message may quote the file: what the log gets of it is what it is and where it happened.
        frames = traceback.extract_tb(e.__traceback__)
        where = " > ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in frames)
        sys.stderr.write(f"{type(e).__name__} at {where}\n")
        sys.exit(1)


def _open_envelope(input_file: int, output_file: int, _: dict[str, Any]) -> dict[str, Any]:
    """The fields of a JSON object, without the audio, which goes into the output file."""
    opened = json_audio.opened(os.pread(input_file, os.fstat(input_file).st_size, 0))
    if opened.audio is not None:
        _write(output_file, opened.audio, 0)
    answer = {"fields": opened.fields, "error": opened.error, "audio_error": opened.audio_error}
    if len(json.dumps(answer)) > MAX_ANSWER_BYTES - 100:
        answer = {"fields": None, "error": "the message holds too much beside the audio", "audio_error": ""}
    return {**answer, "has_audio": opened.audio is not None}


def _limit(memory_bytes: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/statm", encoding="ascii") as statm:
        loaded_bytes = int(statm.read().split()[0]) * mmap.PAGESIZE
    address_space = loaded_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    os.nice(_NICENESS)
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
    # A file, not mapped memory: headers that lie make decoders seek beyond the end, which only a file takes calmly.
    with open(os.dup(input_file), "rb") as data:
        data.seek(0)
        pieces = _pcm(data, int(request["pcm_rate"])) if request["pcm_rate"] else _file(data, request["wav_only"])
        converted = _convert(pieces, output_file, float(request["max_seconds"]))
        if not converted["client_samples"]:
            raise _no_audio(data, "the file holds no audio")
        return converted


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
        written += _write(output_file, _bytes(stream.resample_chunk(mono)), written)
    if stream is None or not client_samples:
        return {"client_samples": 0, "client_rate": 0}
    written += _write(output_file, _bytes(stream.resample_chunk(np.zeros(0, np.float32), last=True)), written)
    # Rounding may leave the end a sample short, and with it the last frame of a summary.
    short = -(-client_samples * RATE // client_rate) - written // 2
    written += _write(output_file, bytes(2 * max(0, short)), written)
    return {"client_samples": client_samples, "client_rate": client_rate}


def _write(output_file: int, content: bytes, offset: int) -> int:
    data = memoryview(content)
    done = 0
    while done < len(data):
        done += os.pwrite(output_file, data[done:], offset + done)
    return len(data)


def _bytes(mono: Mono) -> bytes:
    return to_int16(mono).tobytes()


def _pcm(data: BinaryIO, rate: int) -> Iterator[Piece]:
    decoder = PcmDecoder()
    while block := data.read(_BLOCK_BYTES):
        yield decoder.feed(block).astype(np.float32), rate


def _file(data: BinaryIO, wav_only: bool) -> Iterator[Piece]:
    begins = _beginning(data)
    if wav_only and not (begins[:4] == b"RIFF" and begins[8:12] == b"WAVE"):
        raise AudioError("not a WAV file")
    try:
        with av.open(data, options={"format_whitelist": FORMATS}) as container:
            if not container.streams.audio:
                raise AudioError("the file holds no audio")
            stream = container.streams.audio[0]
            if stream.codec_context.channels > _MAX_CHANNELS:
                raise AudioError(f"{stream.codec_context.channels} channels are not supported")
            yield from _pieces(_frames(container, stream))
    except av.error.FFmpegError as e:
        raise _no_audio(data, "the file does not decode as audio") from e


def _no_audio(data: BinaryIO, message: str) -> AudioError:
    """Whether more of it may help: an MP4, say, often keeps at its end what is needed to decode it."""
    begins = _beginning(data)
    known = any(begins[at:].startswith(sign) for at, sign in _SIGNATURES)
    return IncompleteError(message) if known else AudioError(message)


def _beginning(data: BinaryIO) -> bytes:
    return os.pread(data.fileno(), 16, 0)


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
        self._channels = first.layout.nb_channels
        # Packed: PyAV crashes over frames of eight planes and more.
        self._resampler = av.AudioResampler(format="flt", layout=first.layout, rate=rate)
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
        for packed in self._resampler.resample(self._frames.read(0, partial=True)) if self.samples else ():
            mono = packed.to_ndarray().reshape(-1, self._channels).mean(axis=1)
            yield np.nan_to_num(mono, posinf=0.0, neginf=0.0) * 32768, self.rate


def _kind(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """What a stream decodes to; damaged packets are passed over, as players do."""
    for packet in container.demux(stream):
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


_ACTIONS = {"decode": _decode, "envelope": _open_envelope}

if __name__ == "__main__":
    main()
