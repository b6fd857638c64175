"""From what clients send to samples the models hear: 16 kHz, mono, 16 bit."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from frontend.errors import AudioError
from frontend.media.codecs import (
    NO_SAMPLES,
    OPUS_RATE,
    Downmix,
    G711Decoder,
    OpusDecoder,
    PcmDecoder,
    Resampler,
    SampleReader,
)
from frontend.media.containers import MAGIC_BYTES, Demuxer, demuxer_of
from frontend.speech import RATE, Samples

# A packet of two bytes may hold 120 ms of Opus, which takes 0.2 to 0.5 ms: so many are decoded between two turns.
PACKETS_AT_ONCE = 2
# A second of most: behind so many damaged packets in a row nothing worth hearing comes.
MOST_DAMAGED = 50

Encoding = Literal["pcm16", "mulaw", "alaw", "opus", "container"]


@dataclass(frozen=True)
class AudioFormat:
    """How a client's audio is written. What a container holds it says itself."""

    rate: int
    encoding: Encoding = "pcm16"
    # Mixed down to one.
    channels: int = 1

    @property
    def packets(self) -> bool:
        """Whether each message is one that must not be joined with others nor cut."""
        return self.encoding == "opus"


class Decoder(Protocol):
    """A client's messages to samples of 16 bits at 16 kHz, as bytes, counting the client's own samples on the way."""

    # No window later than this before the newest input sample is promised to be complete.
    delay_samples: int
    # How many samples came so far, at the rate the client named.
    client_samples: int
    # Whether some of what was fed waits to be decoded: `feed(b"")` goes on with it, and nothing else is fed before.
    behind: bool = False

    def feed(self, message: bytes) -> bytes: ...

    def drain(self) -> bytes:
        """The last samples of what came so far."""
        ...


class PlainDecoder(Decoder):
    """Of what needs no decoding, only that an odd byte waits for its other half."""

    def __init__(self) -> None:
        self._odd = b""
        self.client_samples = self.delay_samples = 0

    def feed(self, message: bytes) -> bytes:
        if self._odd or len(message) % 2:
            message = self._odd + message
            whole = len(message) & ~1
            message, self._odd = message[:whole], message[whole:]
        self.client_samples += len(message) // 2
        return message

    def drain(self) -> bytes:
        return b""


class StreamDecoder(Decoder):
    def __init__(self, audio: AudioFormat) -> None:
        self._decoder = _codec(audio.encoding)
        self._downmix = Downmix(audio.channels)
        decoded_rate = OPUS_RATE if audio.encoding == "opus" else audio.rate
        self._resampler = Resampler(decoded_rate)
        self._client_samples_per_decoded = audio.rate / decoded_rate
        self._decoded = self.client_samples = 0
        self.delay_samples = self._resampler.delay_samples

    def feed(self, message: bytes) -> bytes:
        decoded = self._downmix.feed(self._decoder.feed(message))
        self._decoded += len(decoded)
        self.client_samples = round(self._decoded * self._client_samples_per_decoded)
        return self._resampler.feed(decoded).tobytes()

    def drain(self) -> bytes:
        return self._resampler.drain().tobytes()


class ContainerDecoder(Decoder):
    """Of a container, whose kind its first bytes say. A damaged packet is passed over, as in files; not if all are.

    One that comes before any that decodes ends the stream: who sends what nobody decodes is told at once.
    """

    delay_samples = Resampler.DELAY_SAMPLES

    def __init__(self) -> None:
        self._beginning = b""
        self._demuxer: Demuxer | None = None
        self._track: _Track | None = None
        self.client_samples = 0  # at 16 kHz: no client named a rate
        self._damaged = MOST_DAMAGED - 1  # in a row: nothing decoded yet
        self._packets: Iterator[bytes | None] = iter(())
        self.behind = False

    def feed(self, message: bytes) -> bytes:
        if self._demuxer is None:
            self._beginning += message
            if len(self._beginning) < MAGIC_BYTES:
                return b""
            message, self._beginning = self._beginning, b""
            self._demuxer = demuxer_of(message)
        if not self.behind:
            self._packets = self._demuxer.feed(message)
        self.behind = False  # also where it is broken
        parts = [self._decoded(packet, self._demuxer) for packet in itertools.islice(self._packets, PACKETS_AT_ONCE)]
        self.behind = len(parts) == PACKETS_AT_ONCE
        return self._counted(np.concatenate(parts) if parts else NO_SAMPLES)

    def drain(self) -> bytes:
        return self._counted(self._track.resampler.drain() if self._track else NO_SAMPLES)

    def _decoded(self, packet: bytes | None, demuxer: Demuxer) -> Samples:
        if packet is None:
            return NO_SAMPLES
        self._track = self._track or _Track(demuxer)
        try:
            samples = self._track.feed(packet)
        except AudioError:
            self._damaged += 1
            if self._damaged >= MOST_DAMAGED:
                raise
            return NO_SAMPLES
        self._damaged = 0
        return samples

    def _counted(self, samples: Samples) -> bytes:
        self.client_samples += len(samples)
        return samples.tobytes()


class _Track:
    def __init__(self, demuxer: Demuxer) -> None:
        self._codec = OpusDecoder() if demuxer.codec == "opus" else SampleReader(demuxer.codec)
        self._downmix = Downmix(demuxer.channels)
        self.resampler = Resampler(demuxer.rate)

    def feed(self, packet: bytes) -> Samples:
        return self.resampler.feed(self._downmix.feed(self._codec.feed(packet)))


def decoder_of(audio: AudioFormat) -> Decoder:
    if audio == AudioFormat(RATE):
        return PlainDecoder()
    return ContainerDecoder() if audio.encoding == "container" else StreamDecoder(audio)


def _codec(encoding: Encoding) -> "PcmDecoder | G711Decoder | OpusDecoder":
    if encoding == "opus":
        return OpusDecoder()
    return G711Decoder(encoding) if encoding in ("mulaw", "alaw") else PcmDecoder()
