"""From what clients send to samples the models hear: 16 kHz, mono, 16 bit.

Each decoder is fed what came and keeps what is not complete; none of them waits. The result does not depend on how the
bytes were cut.
"""

from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import soxr

from frontend.errors import AudioError
from frontend.speech import RATE, Samples

Encoding = Literal["pcm16", "mulaw", "alaw", "opus"]

OPUS_RATE = 48_000
OPUS_MAX_SECONDS = 0.12
# 48 frames of 1,275 bytes and their lengths: no valid packet is larger (RFC 6716, 3.4).
OPUS_MAX_BYTES = 48 * 1277 + 2


@dataclass(frozen=True)
class AudioFormat:
    """How a client's audio is written."""

    rate: int
    encoding: Encoding = "pcm16"
    # Mixed down to one.
    channels: int = 1

    @property
    def packets(self) -> bool:
        """Whether each message is one that must not be joined with others nor cut."""
        return self.encoding == "opus"


_NO_SAMPLES: Samples = np.zeros(0, np.int16)


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

    def __init__(self, table: Samples) -> None:
        self._table = table

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
            return _NO_SAMPLES
        stream, self._stream = self._stream, self._fresh()
        return to_int16(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    def _fresh(self) -> "soxr.ResampleStream | None":
        return None if self._rate == RATE else soxr.ResampleStream(self._rate, RATE, 1, "float32", "HQ", vr=True)


class Downmix:
    """Interleaved channels to their mean; a frame that is not complete waits for the rest."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._rest = _NO_SAMPLES

    def feed(self, samples: Samples) -> Samples:
        if self._channels == 1:
            return samples
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._channels * self._channels
        self._rest = samples[whole:]
        return to_int16(samples[:whole].reshape(-1, self._channels).mean(axis=1, dtype=np.float32))


class StreamDecoder:
    """A client's messages to 16 kHz samples, counting the client's own samples on the way."""

    def __init__(self, audio: AudioFormat) -> None:
        self._decoder = _decoder(audio.encoding)
        self._downmix = Downmix(audio.channels)
        decoded_rate = OPUS_RATE if audio.encoding == "opus" else audio.rate
        self._resampler = Resampler(decoded_rate)
        self._client_samples_per_decoded = audio.rate / decoded_rate
        self._decoded = 0
        self.delay_samples = self._resampler.delay_samples

    def feed(self, message: bytes) -> Samples:
        decoded = self._downmix.feed(self._decoder.feed(message))
        self._decoded += len(decoded)
        return self._resampler.feed(decoded)

    def drain(self) -> Samples:
        """The last samples of what came so far."""
        return self._resampler.drain()

    @property
    def client_samples(self) -> int:
        """How many samples came so far, at the rate the client named."""
        return round(self._decoded * self._client_samples_per_decoded)


def _decoder(encoding: Encoding) -> "PcmDecoder | G711Decoder | OpusDecoder":
    if encoding == "opus":
        return OpusDecoder()
    return PcmDecoder() if encoding == "pcm16" else G711Decoder(_TABLES[encoding])


def to_int16(samples: npt.NDArray[np.float32]) -> Samples:
    """Float samples on the 16-bit scale, rounded and held inside it."""
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def resample(samples: Samples, rate: int) -> Samples:
    """A whole recording at once."""
    if rate == RATE:
        return samples
    return to_int16(soxr.resample(samples.astype(np.float32), rate, RATE, "HQ"))
