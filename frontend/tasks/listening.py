"""Hearing a stream: its messages are decoded as they come, its windows heard in turns that all streams share."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from frontend.dialogue.tasks import AudioReader, Stream
from frontend.errors import GatewayError, QuotaError, ServiceError, UnavailableError
from frontend.machines.activity import ActivityDecider, Thresholds
from frontend.media.stream import AudioFormat
from frontend.memory.budget import Lease
from frontend.speech import RATE, Listener, Probabilities, Sound, VadState
from frontend.tasks.heard import MOST_WINDOWS, NOTHING, WINDOW_BYTES, Activity, Heard, Mark, joined, parted
from frontend.tasks.intake import AHEAD_BYTES, PIECE_BYTES, Intake

# Audio that the models refused is kept for them, but not for ever.
MOST_UNANSWERED_SAMPLES = 300 * RATE
# So much is counted at once for whoever sends it: most turns cost no more than a look.
_COUNTED_SAMPLES = 10 * RATE


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
        # A turn's decisions are told as they come, not message by message; and the last window is heard at the end.
        self.by_turns = False
        self.wanted = True
        self.intake = Intake(stream.audio, options.audio)
        self._decider = ActivityDecider(options.thresholds)
        self._state = VadState()
        # The beginning of what is undecided, which is being asked about.
        self._asked = b""
        self._asking = self._failing = self._closed = self._finished = False
        # Why the models did not answer while a message was half decoded.
        self._failure: ServiceError | None = None
        self._again: asyncio.Handle | None = None
        self._marks: list[Mark] = []
        self._decided_windows = 0
        # Decided, but of a message whose rest is not.
        self._untold = NOTHING
        self.heard_samples = self._counted_samples = 0

    def begin(self) -> None:
        self._stream.audio.read_by(self)

    def want(self) -> None:
        """Ask from now on."""
        self.wanted = True
        self._go_on()

    # The audio's side.

    def receive(self, message: bytes, lease: Lease) -> bool:
        try:
            if not self.intake.take_at_once(message, lease):
                return False
            self._mark()
            self._go_on()
        except Exception as e:
            lease.close()  # where there was no room for what became of it
            self._stream.fail(e)
        return True

    def audio_waits(self) -> None:
        if self._again is None and not self._closed:
            self._take()

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(QuotaError):  # it is over anyway
            self._count()
        if self._again is not None:
            self._again.cancel()
        self._on_heard, self.on_end = lambda _: None, lambda: None  # who has this listener: no circle is left
        self.intake.close()

    # From messages to samples.

    def _take(self) -> None:
        """Decode what waits, up to a bound; the event loop has its turn between pieces."""
        self._again = None
        intake, most_bytes = self.intake, 2 * MOST_UNANSWERED_SAMPLES if self._failing else AHEAD_BYTES
        left_bytes = PIECE_BYTES
        try:
            while len(intake.undecided) < most_bytes and intake.more():
                cost_bytes, last = intake.decode_piece()
                if last:
                    self._mark()
                left_bytes -= cost_bytes
                if left_bytes <= 0 and intake.waits:
                    self._again = asyncio.get_running_loop().call_soon(self._take)
                    break
            if self._failing and len(intake.undecided) >= most_bytes:
                raise UnavailableError("the models have not answered for too long")
            self._go_on()
        except Exception as e:
            self._stream.fail(e)

    def _mark(self) -> None:
        """The message is decoded."""
        if not self.by_turns:
            windows = self._decided_windows + len(self.intake.undecided) // WINDOW_BYTES
            mark = Mark(windows, self.intake.client_samples, self.intake.error)
            if self._failure is None:
                self._marks.append(mark)
            else:
                self._tell_mark(mark, self._failure)
        elif self.intake.error is not None:
            raise self.intake.error
        self.intake.error = self._failure = None

    # From samples to decisions.

    def _go_on(self) -> None:
        """Ask about whole windows, or tell what needs none."""
        if self._asking or self._closed or self._failure is not None:
            return
        if len(self.intake.undecided) >= WINDOW_BYTES:
            if self.wanted:
                self._asking = True
                self._stream.services.speech.listen(self)
            return
        self._tell()
        if self.intake.flushing:
            if self.wanted:
                self._flush()
        elif self.intake.over:
            self._finish()

    def _flush(self) -> None:
        self._on_heard(Heard(NOTHING, self.intake.client_samples, rest=self.intake.go_on()))
        if self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._take)

    def _finish(self) -> None:
        if self.by_turns and not self._finished:
            self._finished = True
            self.intake.finish()
            self._go_on()
        else:
            self.on_end()

    def row(self) -> Sound | None:
        if self._closed:
            return None
        windows = min(MOST_WINDOWS, len(self.intake.undecided) // WINDOW_BYTES)
        with memoryview(self.intake.undecided) as view:
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
            self.intake.decided(len(pcm))
            self._decided_windows += len(told)
            self._decide(Activity(pcm, told, self._decider.feed(told)))
            self._resume()
            if self.heard_samples - self._counted_samples >= _COUNTED_SAMPLES:
                self._count()
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
                self._on_heard(Heard(NOTHING, self.intake.client_samples, error))
            while self._marks:
                self._tell_mark(self._marks.pop(0), error)
            self._failure = error if self.intake.within and not self.by_turns else None
            if self.intake.waits:
                self._resume()
        except Exception as e:
            self._stream.fail(e)

    def _count(self) -> None:
        """What was heard, for whoever sends it; QuotaError where that is more than it may have."""
        samples, self._counted_samples = self.heard_samples - self._counted_samples, self.heard_samples
        if (visit := self._stream.services.visit) is not None:
            visit.heard(samples / RATE)
            visit.check()

    def _resume(self) -> None:
        if not self.intake.waits:
            self._go_on()
        elif self._again is None:
            self._take()

    def _decide(self, activity: Activity) -> None:
        self.heard_samples += len(activity.pcm) // 2
        if self.by_turns:
            self.intake.told(len(activity.pcm))
            self._on_heard(Heard(activity, self.intake.client_samples))
            return
        self._untold = activity if not self._untold.pcm else joined(self._untold, activity)
        self._tell()

    def _tell(self) -> None:
        while self._marks and self._marks[0].windows <= self._decided_windows:
            self._tell_mark(self._marks.pop(0))

    def _tell_mark(self, mark: Mark, error: GatewayError | None = None) -> None:
        untold_windows = len(self._untold.probabilities)
        own = min(untold_windows, max(0, mark.windows - (self._decided_windows - untold_windows)))
        activity = NOTHING
        if own:
            activity, self._untold = parted(self._untold, own)
            self.intake.told(len(activity.pcm))
        self._on_heard(Heard(activity, mark.client_samples, mark.error or error))
