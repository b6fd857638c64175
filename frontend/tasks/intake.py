"""A stream's messages on their way to samples, piece by piece, and none beyond where the client wants to know first."""

from frontend.dialogue.tasks import Audio
from frontend.errors import AudioError
from frontend.media.stream import PACKETS_AT_ONCE, AudioFormat, decoder_of
from frontend.memory.budget import Lease
from frontend.speech import RATE
from frontend.tasks.heard import MOST_WINDOWS, WINDOW_BYTES

# So much that is decoded waits for its turn; the rest waits in the stream's queue.
AHEAD_BYTES = MOST_WINDOWS * WINDOW_BYTES
# Decoding this much takes well under a millisecond; the event loop gets its turn between pieces.
PIECE_BYTES = 16_384


class Intake:
    """Of one stream. All it holds is held by one lease."""

    def __init__(self, audio: Audio, written: AudioFormat) -> None:
        self._audio = audio
        self._decoder = decoder_of(written)
        self._packets = written.packets
        self._at_once_bytes = _at_once_bytes(written)
        # Messages that were taken, of the first of which so much is decoded.
        self._taken: list[bytes] = []
        self._offset = 0
        self._lease = audio.lease()
        self.delay_samples = self._decoder.delay_samples
        # At 16 kHz: decoded and not decided yet.
        self.undecided = bytearray()
        self.decoded_bytes = self.decoded_samples = 0
        # Why the message under way cannot be decoded.
        self.error: AudioError | None = None
        # All before where the client wants to know is decoded; nothing behind it is, until `go_on`.
        self.flushing = False

    @property
    def client_samples(self) -> int:
        return self._decoder.client_samples

    @property
    def estimated_samples(self) -> int:
        """At 16 kHz, what has come so far: what is not decoded is taken to be as dense as what is."""
        if not self.decoded_bytes:
            return 0
        return round(self._audio.received_bytes * self.decoded_samples / self.decoded_bytes)

    @property
    def within(self) -> bool:
        """Whether a message is decoded in part."""
        return self._offset > 0

    @property
    def waits(self) -> bool:
        """Whether there is more that may be decoded."""
        return not self.flushing and bool(self._taken or self._audio.waiting or self._audio.flushes)

    @property
    def over(self) -> bool:
        return self._audio.over and not self._taken and not self._audio.flushes

    def take_at_once(self, message: bytes, lease: Lease) -> bool:
        """Decode a message the moment it comes, if nothing waits before it and it is short: whether it was.

        Then its lease holds what became of it, until it is ours; an error leaves it to the caller.
        """
        busy = self._taken or self._audio.flushes or len(self.undecided) >= AHEAD_BYTES
        if busy or len(message) > self._at_once_bytes:
            return False
        pcm = self._decode(message)
        if len(pcm) > len(message):
            lease.grow(len(pcm) - len(message))
        elif len(pcm) < len(message):
            lease.shrink(len(message) - len(pcm))
        self._lease.absorb(lease)
        self.undecided += pcm
        return True

    def more(self) -> bool:
        """Whether there is a piece to decode next."""
        self._come_to_flush()
        if self.flushing:
            return False
        if not self._taken:
            self._taken.extend(self._audio.take())
            self._lease.grow(sum(map(len, self._taken)))
        return bool(self._taken)

    def decode_piece(self) -> tuple[int, bool]:
        """The next piece of the oldest message: what it costs, in bytes, and whether it is the message's last."""
        message = self._taken[0]
        piece = b"" if self._decoder.behind else message[self._offset : self._end(message)]
        self._offset += len(piece)
        self._add(self._decode(piece))
        last = self._offset >= len(message) and not self._decoder.behind
        if last:
            self._lease.shrink(len(self._taken.pop(0)))
            self._offset = 0
        if self._decoder.behind:
            return PIECE_BYTES, last
        return PIECE_BYTES // PACKETS_AT_ONCE if self._packets else max(len(piece), 64), last

    def go_on(self) -> bytes:
        """What the client wanted to know is known but for these last samples, which are the first of what follows."""
        del self._audio.flushes[0]
        self.flushing = False
        return bytes(self.undecided)

    def finish(self) -> None:
        """Nothing more comes: the last samples, and silence to the end of their window."""
        self._drain()
        self._add(bytes(-len(self.undecided) % WINDOW_BYTES))

    def decided(self, size_bytes: int) -> None:
        """So much of the undecided is decided: held until it is told."""
        del self.undecided[:size_bytes]

    def told(self, size_bytes: int) -> None:
        """So much of the decided is somebody else's to hold."""
        self._lease.shrink(size_bytes)

    def close(self) -> None:
        self._taken.clear()
        self._lease.close()

    def _end(self, message: bytes) -> int:
        """Where its next piece ends."""
        end = len(message) if self._packets else self._offset + PIECE_BYTES
        if self._audio.flushes:
            end = min(end, self._offset + self._audio.flushes[0] - self.decoded_bytes)
        return end

    def _come_to_flush(self) -> None:
        if self.flushing or self._decoder.behind:
            return
        if self._audio.flushes and self._audio.flushes[0] <= self.decoded_bytes:
            self.flushing = True
            self._drain()

    def _decode(self, data: bytes) -> bytes:
        self.decoded_bytes += len(data)
        try:
            pcm = self._decoder.feed(data)
        except AudioError as e:
            self.error = e
            return b""
        self.decoded_samples += len(pcm) // 2
        return pcm

    def _drain(self) -> None:
        pcm = self._decoder.drain()
        self.decoded_samples += len(pcm) // 2
        self._add(pcm)

    def _add(self, pcm: bytes) -> None:
        self._lease.grow(len(pcm))
        self.undecided += pcm


def _at_once_bytes(written: AudioFormat) -> int:
    """Messages of up to so much are decoded the moment they come; what a container's hold is not known before."""
    if written.encoding == "container":
        return 0
    return AHEAD_BYTES if written.encoding == "pcm16" and written.rate == RATE else PIECE_BYTES
