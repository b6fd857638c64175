"""The process that decodes files: one line of JSON in, one out, audio through two memory files.

It trusts nothing that it reads: memory, processor time and open files are limited, only formats of single files are
known to it (no playlists that name others), and it dies with the gateway.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import sys
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

Mono = npt.NDArray[np.float32]
Piece = tuple[Mono, int]  # samples on the 16-bit scale, and their rate


def main() -> None:
    input_file, output_file, memory_bytes = (int(argument) for argument in sys.argv[1:4])
    _limit(memory_bytes)
    for line in sys.stdin:
        request = json.loads(line)
        _limit_processor_time(float(sys.argv[4]))
        try:
            answer = _decode(input_file, output_file, request)
        except AudioError as e:
            answer = {"error": str(e)}
        except MemoryError:
            answer = {"error": "the file needs too much memory to decode"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _limit(memory_bytes: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with open("/proc/self/statm", encoding="ascii") as statm:
        loaded_bytes = int(statm.read().split()[0]) * mmap.PAGESIZE
    address_space = loaded_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def _limit_processor_time(job_seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + job_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def _decode(input_file: int, output_file: int, request: dict[str, Any]) -> dict[str, Any]:
    size_bytes = os.fstat(input_file).st_size
    if not size_bytes:
        raise AudioError("the file is empty")
    with mmap.mmap(input_file, size_bytes, access=mmap.ACCESS_READ) as data:
        pieces = _pcm(data, int(request["rate"])) if request["kind"] == "pcm" else _file(data)
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
    return {"bytes": written, "client_samples": client_samples, "client_rate": client_rate}


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
            yield from _frames(container, container.streams.audio[0])
    except av.error.FFmpegError as e:
        raise AudioError("the file does not decode as audio") from e


def _frames(container: Any, stream: Any) -> Iterator[Piece]:
    """Frames as mono floats; damaged packets are passed over, as players do."""
    resampler = None
    for packet in container.demux(stream):
        for frame in _decoded(packet):
            if frame.sample_rate not in _RATES:
                raise AudioError(f"a sampling rate of {frame.sample_rate} Hz is not supported")
            resampler = resampler or av.AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
            for planes in resampler.resample(frame):
                mono = planes.to_ndarray().mean(axis=0)
                yield np.nan_to_num(mono, posinf=0.0, neginf=0.0) * 32768, planes.sample_rate


def _decoded(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        return []


if __name__ == "__main__":
    main()
