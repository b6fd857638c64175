"""Hearing a stream: its messages are decoded as they come, its windows heard in turns that all streams share."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from frontend.dialogue.tasks import AudioReader, Stream
from frontend.errors import AudioError, GatewayError, ServiceError, UnavailableError
from frontend.machines.activity import ActivityDecider, Thresholds
from frontend.media.stream import AudioFormat, StreamDecoder
from frontend.speech import RATE, Listener, Probabilities, Sound, VadState
from frontend.tasks.heard import MOST_WINDOWS, NOTHING, WINDOW_BYTES, Activity, Heard, Mark, joined, parted

# So much that is decoded waits for its turn; the rest waits in the stream's queue.
_AHEAD_BYTES = MOST_WINDOWS * WINDOW_BYTES
# Decoding this much takes well under a millisecond; the event loop gets its turn between pieces.
_PIECE_BYTES = 16_384
# An Opus packet of any size may hold 120 ms: so many are one piece.
_PIECE_PACKETS = 4
# Audio that the models refused is kept for them, but not for ever.
MOST_UNANSWERED_SAMPLES = 300 * RATE


@dataclass(frozen=True)
class Listening:
    """How to listen: the options that all voice tasks share."""

    audio: AudioFormat
    thresholds: Thresholds = field(default_factory=Thresholds)


class StreamListener(AudioReader, Listener):
    """One stream's way from messages to decisions. Audio that the models did not answer for is asked about again.

    `on_heard` is told what each message added, in order, or where messages need no answers what each turn did; `on_end`
    that everything was heard. While `wanted` is off the models are not asked.
    """

    def __init__(self, options: Listening, stream: Stream, on_heard: Callable[[Heard], None]) -> None:
        self._stream = stream
        self._on_heard = on_heard
        self.on_end: Callable[[], None] = lambda: None
        # A turn's decisions are told as they come, not message by message; and so much silence is heard at the end.
        self.by_turns, self.flush_bytes = False, 0
        self.wanted = True
        self._decoder = StreamDecoder(options.audio)
        self._packets = options.audio.encoding == "opus"
        self._at_once_bytes = _PIECE_BYTES if self._packets or options.audio.rate != RATE else _AHEAD_BYTES
        self._decider = ActivityDecider(options.thresholds)
        self._state = VadState()
        self._lease = stream.audio.lease()
        # At 16 kHz: decoded and not decided yet; its beginning is what is being asked about.
        self._undecided = bytearray()
        self._asked = b""
        self._asking = self._failing = self._closed = False
        # Messages that were taken, of the first of which so much is decoded.
        self._taken: deque[bytes] = deque()
        self._offset = 0
        self._error: AudioError | None = None
        # Why the models did not answer while a message was half decoded.
        self._failure: ServiceError | None = None
        self._again: asyncio.Handle | None = None
        self._marks: deque[Mark] = deque()
        self._decided_windows = 0
        # Decided, but of a message whose rest is not.
        self._untold = NOTHING
        self.delay_samples = self._decoder.delay_samples
        self.heard_samples = 0

    def begin(self) -> None:
        self._stream.audio.read_by(self)

    def want(self) -> None:
        """Ask from now on."""
        self.wanted = True
        self._go_on()

    # The audio's side.

    def receive(self, message: bytes) -> bool:
        if self._taken or len(self._undecided) >= _AHEAD_BYTES or len(message) > self._at_once_bytes:
            return False
        try:
            self._decode(message)
            self._mark()
            self._go_on()
        except Exception as e:
            self._stream.fail(e)
        return True

    def audio_waits(self) -> None:
        if self._again is None and not self._closed:
            self._take()

    def close(self) -> None:
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        self._taken.clear()
        self._lease.close()

    # From messages to samples.

    def _take(self) -> None:
        """Decode what waits, up to a bound; the event loop has its turn between pieces."""
        self._again = None
        most_bytes = 2 * MOST_UNANSWERED_SAMPLES if self._failing else _AHEAD_BYTES
        left_bytes = _PIECE_BYTES
        try:
            while len(self._undecided) < most_bytes and (self._taken or self._more()):
                left_bytes -= self._decode_piece()
                if left_bytes <= 0 and (self._taken or self._stream.audio.waiting):
                    self._again = asyncio.get_running_loop().call_soon(self._take)
                    break
            if self._failing and len(self._undecided) >= most_bytes:
                raise UnavailableError("the models have not answered for too long")
            self._go_on()
        except Exception as e:
            self._stream.fail(e)

    def _more(self) -> bool:
        self._taken.extend(self._stream.audio.take())
        self._lease.grow(sum(map(len, self._taken)))
        return bool(self._taken)

    def _decode_piece(self) -> int:
        """The next piece of the oldest message; what it costs, in bytes."""
        message = self._taken[0]
        piece = message if self._packets else message[self._offset : self._offset + _PIECE_BYTES]
        self._offset += len(piece)
        self._decode(piece)
        if self._offset >= len(message):
            self._lease.shrink(len(self._taken.popleft()))
            self._offset = 0
            self._mark()
        return _PIECE_BYTES // _PIECE_PACKETS if self._packets else max(len(piece), 64)

    def _decode(self, data: bytes) -> None:
        try:
            samples = self._decoder.feed(data)
        except AudioError as e:
            self._error = e
            return
        self._lease.grow(samples.nbytes)
        self._undecided += samples.tobytes()

    def _mark(self) -> None:
        """The message is decoded."""
        if not self.by_turns:
            windows = self._decided_windows + len(self._undecided) // WINDOW_BYTES
            mark = Mark(windows, self._decoder.client_samples, self._error)
            if self._failure is None:
                self._marks.append(mark)
            else:
                self._tell_mark(mark, self._failure)
        self._error = self._failure = None

    # From samples to decisions.

    def _go_on(self) -> None:
        """Ask about whole windows, or tell what needs none."""
        if self._asking or self._closed or self._failure is not None:
            return
        if len(self._undecided) >= WINDOW_BYTES:
            if self.wanted:
                self._asking = True
                self._stream.services.speech.listen(self)
            return
        self._tell()
        if self._stream.audio.over and not self._taken:
            if self.flush_bytes:
                flush, self.flush_bytes = bytes(self.flush_bytes), 0
                self._decode(flush)
                self._go_on()
            else:
                self.on_end()

    def row(self) -> Sound | None:
        if self._closed:
            return None
        windows = min(MOST_WINDOWS, len(self._undecided) // WINDOW_BYTES)
        with memoryview(self._undecided) as view:
            self._asked = bytes(view[: windows * WINDOW_BYTES])
        return Sound(np.frombuffer(self._asked, np.int16), self._state)

    def answered(self, result: tuple[Probabilities, VadState]) -> None:
        self._asking = self._failing = False
        if self._closed:
            return
        try:
            probabilities, self._state = result
            told = probabilities.tolist()
            pcm, self._asked = self._asked, b""
            del self._undecided[: len(pcm)]
            self._lease.shrink(len(pcm))
            self._decided_windows += len(told)
            self._decide(Activity(pcm, told, self._decider.feed(told)))
            self._resume()
        except Exception as e:
            self._stream.fail(e)

    def failed(self, error: Exception) -> None:
        """The windows stay: they are asked about again with the next message, or by whoever wants more."""
        self._asking, self._failing = False, True
        if self._closed:
            return
        try:
            if not isinstance(error, ServiceError):
                raise error
            if self.by_turns:
                self._on_heard(Heard(Activity(), self._decoder.client_samples, error))
            while self._marks:
                self._tell_mark(self._marks.popleft(), error)
            self._failure = error if self._offset else None
            if self._taken or self._stream.audio.waiting:
                self._resume()
        except Exception as e:
            self._stream.fail(e)

    def _resume(self) -> None:
        if self._taken or self._stream.audio.waiting:
            if self._again is None:
                self._take()
        else:
            self._go_on()

    def _decide(self, activity: Activity) -> None:
        self.heard_samples += len(activity.pcm) // 2
        if self.by_turns:
            self._on_heard(Heard(activity, self._decoder.client_samples))
            return
        self._untold = activity if not self._untold.pcm else joined(self._untold, activity)
        self._tell()

    def _tell(self) -> None:
        while self._marks and self._marks[0].windows <= self._decided_windows:
            self._tell_mark(self._marks.popleft())

    def _tell_mark(self, mark: Mark, error: GatewayError | None = None) -> None:
        untold_windows = len(self._untold.probabilities)
        own = min(untold_windows, max(0, mark.windows - (self._decided_windows - untold_windows)))
        activity, self._untold = parted(self._untold, own)
        self._on_heard(Heard(activity, mark.client_samples, mark.error or error))
