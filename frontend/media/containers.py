"""Containers as they come in a stream: WAV, and Opus in Ogg or WebM, told apart by their first bytes.

Only what lies in the open is read here: the codecs' packets. Whoever sends anything else is told so.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Protocol

from frontend.errors import AudioError

# Nothing that has to be whole before it can be read is larger.
_MOST_BYTES = 1 << 20
_UNKNOWN_SIZE = 0xFFFFFFFF
# Each may be of two bytes: a message of nothing else is read a tenth of a millisecond at a time.
_ELEMENTS_AT_ONCE = 64


class Demuxer(Protocol):
    """Says first in which codec the packets are, at which rate and of how many channels; then gives them."""

    codec: str
    rate: int
    channels: int

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The packets that are complete; None where it read much and found none. AudioError for what is none of this
        kind."""
        ...


class _Buffer:
    """What has come and is not read yet."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, data: bytes) -> None:
        self.data += data

    def take(self, size_bytes: int) -> bytes | None:
        """None until so much is there."""
        if size_bytes > _MOST_BYTES:
            raise AudioError("the container holds a part that is too large")
        if len(self.data) < size_bytes:
            return None
        taken = bytes(self.data[:size_bytes])
        del self.data[:size_bytes]
        return taken


# By the kind that a WAV's header names and the bits of a sample.
_WAV_CODECS = {
    (1, 8): "pcm_u8",
    (1, 16): "pcm_s16le",
    (1, 24): "pcm_s24le",
    (1, 32): "pcm_s32le",
    (3, 32): "pcm_f32le",
    (6, 8): "pcm_alaw",
    (7, 8): "pcm_mulaw",
}


class Wav(Demuxer):
    """The chunks before the samples, then samples to the end of their chunk."""

    def __init__(self) -> None:
        self.codec, self.rate, self.channels = "", 0, 1
        self._buffer = _Buffer()
        self._riff = False
        self._left_bytes: int | None = None  # of the samples
        self._block_bytes = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer.add(data)
        if not self._riff and self._buffer.take(12) is not None:
            self._riff = True
        while self._riff and self._left_bytes is None and self._read_chunk():
            pass
        if self._left_bytes is not None:
            whole = min(len(self._buffer.data), self._left_bytes) // self._block_bytes * self._block_bytes
            self._left_bytes -= whole
            samples = bytes(self._buffer.data[:whole])
            del self._buffer.data[:whole]
            if self._left_bytes < self._block_bytes:
                self._buffer.data.clear()  # what stands behind the samples
            if samples:
                yield samples

    def _read_chunk(self) -> bool:
        if len(self._buffer.data) < 8:
            return False
        name, size_bytes = struct.unpack_from("<4sI", self._buffer.data)
        if name == b"data":
            if not self.codec:
                raise AudioError("the WAV does not say how its samples are written")
            del self._buffer.data[:8]
            self._left_bytes = size_bytes if 0 < size_bytes < _UNKNOWN_SIZE else 1 << 62
            return True
        chunk = self._buffer.take(8 + size_bytes + size_bytes % 2)
        if chunk is not None and name == b"fmt ":
            self._read_format(chunk[8:])
        return chunk is not None

    def _read_format(self, chunk: bytes) -> None:
        if len(chunk) < 16:
            raise AudioError("the WAV's header is cut short")
        kind, self.channels, self.rate, _, self._block_bytes, bits = struct.unpack_from("<HHIIHH", chunk)
        if kind == 0xFFFE and len(chunk) >= 26:
            (kind,) = struct.unpack_from("<H", chunk, 24)
        self.codec = _WAV_CODECS.get((kind, bits), "")
        known = 1 <= self.channels <= 16 and 8000 <= self.rate <= 192_000
        if not self.codec or not known or self._block_bytes != self.channels * bits // 8:
            raise AudioError("the WAV's samples are written in no known way")


class OggOpus(Demuxer):
    """Pages of one logical stream (RFC 3533), whose packets are Opus's (RFC 7845)."""

    codec, rate, channels = "opus", 48_000, 1

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._packet = b""
        self._headers = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer.add(data)
        while (page := self._page()) is not None:
            for packet in self._packets(*page):
                if self._headers == 2:
                    yield packet
                else:
                    self._read_header(packet)

    def _packets(self, lengths: bytes, body: bytes) -> Iterator[bytes]:
        start = 0
        for length in lengths:
            self._packet += body[start : start + length]
            start += length
            if len(self._packet) > _MOST_BYTES:
                raise AudioError("the container holds a part that is too large")
            if length < 255:
                packet, self._packet = self._packet, b""
                yield packet

    def _page(self) -> tuple[bytes, bytes] | None:
        data = self._buffer.data
        if len(data) < 27:
            return None
        if not data.startswith(b"OggS"):
            raise AudioError("the Ogg stream is broken")
        lengths = bytes(data[27 : 27 + data[26]])
        page = self._buffer.take(27 + data[26] + sum(lengths)) if len(lengths) == data[26] else None
        return None if page is None else (lengths, page[27 + len(lengths) :])

    def _read_header(self, packet: bytes) -> None:
        if not packet.startswith((b"OpusHead", b"OpusTags")[self._headers]):
            raise AudioError("of Ogg streams only those with Opus are taken")
        self._headers += 1


class WebmOpus(Demuxer):
    """Blocks in clusters, as browsers record them: one track, of Opus, without lacing."""

    codec, rate, channels = "opus", 48_000, 1
    _SEGMENT, _CLUSTER, _GROUP, _TRACKS, _ENTRY = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE
    _OPENED = (_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _ENTRY)
    _CODEC, _SIMPLE, _BLOCK = 0x86, 0xA3, 0xA1

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._known = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        self._buffer.add(data)
        for place, (number, content) in enumerate(iter(self._element, None), 1):
            if place % _ELEMENTS_AT_ONCE == 0:
                yield None
            if number == self._CODEC:
                self._known = content == b"A_OPUS"
                if not self._known:
                    raise AudioError("of WebM streams only those with Opus are taken")
            elif number in (self._SIMPLE, self._BLOCK):
                if not self._known or len(content) < 5 or not content[0] & 0x80 or content[3] & 0x06:
                    raise AudioError("the WebM stream is written in no known way")
                yield content[4:]

    def _element(self) -> tuple[int, bytes] | None:
        """The next whole one; those that hold others are opened, whatever their size."""
        data = self._buffer.data
        if len(data) < 12:  # the longest head; a shorter last element is none that matters
            return None
        id_bytes, size_bytes = 9 - data[0].bit_length(), 9 - data[min(8, 9 - data[0].bit_length())].bit_length()
        if id_bytes > 4 or size_bytes > 8:
            raise AudioError("the WebM stream is broken")
        number = int.from_bytes(data[:id_bytes])
        size = int.from_bytes(data[id_bytes : id_bytes + size_bytes]) & ((1 << 7 * size_bytes) - 1)
        head = id_bytes + size_bytes
        if number in self._OPENED:
            del data[:head]
            return number, b""
        content = self._buffer.take(head + size)
        return None if content is None else (number, content[head:])


_KINDS: tuple[tuple[bytes, Callable[[], Demuxer]], ...] = (
    (b"RIFF", Wav),
    (b"OggS", OggOpus),
    (b"\x1aE\xdf\xa3", WebmOpus),
)
MAGIC_BYTES = 4


def demuxer_of(beginning: bytes) -> Demuxer:
    for magic, kind in _KINDS:
        if beginning.startswith(magic):
            return kind()
    raise AudioError("the audio is neither WAV nor Opus in Ogg or WebM: what is bare needs an encoding")
