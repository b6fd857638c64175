"""Codecs and rates, piece by piece: each decoder is fed what came and keeps what is not complete; none waits.

The result does not depend on how the bytes were cut.
"""

from collections.abc import Callable
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import soxr

from frontend.errors import AudioError
from frontend.speech import RATE, Samples

G711 = Literal["mulaw", "alaw"]
OPUS_RATE = 48_000
# 48 frames of 1,275 bytes and their lengths: no valid packet is larger (RFC 6716, 3.4).
OPUS_MAX_BYTES = 48 * 1277 + 2
NO_SAMPLES: Samples = np.zeros(0, np.int16)


class PcmDecoder:
    """Bytes to 16-bit samples; an odd byte waits for its other half."""

    def __init__(self) -> None:
        self._odd = b""

    def feed(self, data: bytes) -> Samples:
        data = self._odd + data if self._odd else data
        whole = len(data) & ~1
        self._odd = data[whole:]
        return np.frombuffer(data, "<i2", count=whole // 2)


class G711Decoder:
    """Each byte one sample (ITU-T G.711)."""

    def __init__(self, law: G711) -> None:
        self._table = _TABLES[law]

    def feed(self, data: bytes) -> Samples:
        return self._table[np.frombuffer(data, np.uint8)]


def _mulaw_table() -> Samples:
    inverted = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (inverted >> 4 & 7).astype(int), (inverted & 15).astype(int)
    size = ((mantissa << 3) + 132 << exponent) - 132
    return np.where(inverted & 128, -size, size).astype(np.int16)


def _alaw_table() -> Samples:
    toggled = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (toggled >> 4 & 7).astype(int), (toggled & 15).astype(int)
    size = np.where(exponent == 0, (mantissa << 4) + 8, (mantissa << 4) + 264 << np.maximum(exponent - 1, 0))
    return np.where(toggled & 128, size, -size).astype(np.int16)


_TABLES = {"mulaw": _mulaw_table(), "alaw": _alaw_table()}


class SampleReader:
    """Whole samples of the other kinds that a WAV may hold, the upper 16 bits of each."""

    def __init__(self, codec: str) -> None:
        self._read = _READERS[codec]

    def feed(self, data: bytes) -> Samples:
        return self._read(data)


def _upper(data: bytes, width: int) -> Samples:
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(-1, width)[:, -2:]).view("<i2").reshape(-1)


_READERS: dict[str, Callable[[bytes], Samples]] = {
    "pcm_u8": lambda data: (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8,
    "pcm_s16le": lambda data: np.frombuffer(data, "<i2"),
    "pcm_s24le": lambda data: _upper(data, 3),
    "pcm_s32le": lambda data: _upper(data, 4),
    "pcm_f32le": lambda data: to_int16(np.nan_to_num(np.frombuffer(data, "<f4")) * np.float32(32767)),
    "pcm_mulaw": G711Decoder("mulaw").feed,
    "pcm_alaw": G711Decoder("alaw").feed,
}


class OpusDecoder:
    """Raw Opus packets to samples at 48 kHz; after a packet that does not decode it starts afresh."""

    def __init__(self) -> None:
        self._codec = self._fresh()

    def feed(self, packet: bytes) -> Samples:
        if not 0 < len(packet) <= OPUS_MAX_BYTES:
            raise AudioError("not an Opus packet")
        try:
            frames = self._codec.decode(av.Packet(packet))
        except av.error.FFmpegError as e:
            self._codec = self._fresh()
            raise AudioError("the Opus packet does not decode") from e
        if not frames:
            return np.zeros(0, np.int16)
        samples: Samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
        return samples

    @staticmethod
    def _fresh() -> "av.AudioCodecContext":
        codec = av.CodecContext.create("libopus", "r")
        codec.sample_rate = OPUS_RATE
        codec.layout = "mono"
        return codec


class Resampler:
    """Any rate to 16 kHz, continuous over the cuts.

    soxr's variable-rate engine is used for its delay: at most 30 ms at 8 kHz, where the others hold 115 ms back.
    """

    # No window later than this before the newest input sample is promised to be complete (measured: 30 ms at most).
    DELAY_SAMPLES = 512

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stream = self._fresh()
        self.delay_samples = 0 if rate == RATE else self.DELAY_SAMPLES

    def feed(self, samples: Samples) -> Samples:
        if self._stream is None:
            return samples
        return to_int16(self._stream.resample_chunk(samples.astype(np.float32)))

    def drain(self) -> Samples:
        """What it held back. What comes next is resampled afresh."""
        if self._stream is None:
            return NO_SAMPLES
        stream, self._stream = self._stream, self._fresh()
        return to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    def _fresh(self) -> "soxr.ResampleStream | None":
        return None if self._rate == RATE else soxr.ResampleStream(self._rate, RATE, 1, "float32", "HQ", vr=True)


class Downmix:
    """Interleaved channels to their mean; a frame that is not complete waits for the rest."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._rest = NO_SAMPLES

    def feed(self, samples: Samples) -> Samples:
        if self._channels == 1:
            return samples
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._channels * self._channels
        self._rest = samples[whole:]
        return to_int16(samples[:whole].reshape(-1, self._channels).mean(axis=1, dtype=np.float32))


def to_int16(samples: npt.NDArray[np.float32]) -> Samples:
    """Float samples on the 16-bit scale, rounded and held inside it."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
