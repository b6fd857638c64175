"""From voice activity to stretches of audio that are transcribed for good.

An utterance opens at speech and closes after a silence; one that goes on too long is handed out at its best pause, or
with the question where between its words to cut it. All depends on the windows alone: neither on how the bytes came
nor on when.
"""

from dataclasses import dataclass

from frontend.machines.silence import TrailingSilence
from frontend.speech import RATE, WINDOW_SAMPLES


@dataclass(frozen=True)
class SegmenterOptions:
    silence_seconds: float = 0.4
    longest_seconds: float = 6.0
    lead_in_seconds: float = 0.3
    # Of the silence behind the last sound so much belongs to the utterance.
    tail_seconds: float = 0.15
    # Its end is likely after so much silence, or after half of what ends it: of 86 pauses of people who read that were
    # longer than the tail 14 were shorter than 0.2 s, and what was transcribed in them for a final was worth nothing.
    likely_seconds: float = 0.25
    # Less speech than this is a click, not an utterance.
    min_speech_seconds: float = 0.09
    # A dip of the voice is a pause between words, not inside one, from this length on.
    pause_seconds: float = 0.16
    # No transcription is asked for of more than this, whatever is found in it.
    most_seconds: float = 20.0


@dataclass(frozen=True)
class Stretch:
    """Audio to be transcribed for good; where it is not whole, the caller finds a cut between its words."""

    start_sample: int
    end_sample: int
    whole: bool = True
    # Whether the utterance is over with it.
    ends: bool = True

    @property
    def seconds(self) -> float:
        return (self.end_sample - self.start_sample) / RATE


class Segmenter:
    """Fed one window after the other."""

    def __init__(self, options: SegmenterOptions) -> None:
        self._options = options
        self._silence = TrailingSilence()
        self._silent_samples = 0
        self._speech_windows = 0
        self._spoken_sample = 0  # where the newest speech ends
        # Where the audio begins that belongs to no stretch yet, where the open utterance begins, and when it is due.
        self._free_sample = 0
        self._start_sample: int | None = None
        self._due_sample = 0
        self.spoken_from_sample = 0  # where the open utterance's speech begins
        self._pauses: list[tuple[int, int]] = []
        self._dip_sample: int | None = None
        self.heard_samples = 0

    @property
    def start_sample(self) -> int | None:
        """Where the open utterance begins; None in silence."""
        return self._start_sample

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open that is no click."""
        enough = self._speech_windows * WINDOW_SAMPLES >= _samples(self._options.min_speech_seconds)
        return self._start_sample is not None and enough

    @property
    def pausing(self) -> bool:
        """Whether the open utterance may have ended."""
        return self._start_sample is not None and self._silent_samples > 0

    @property
    def due_seconds(self) -> float:
        """So long after what was heard something of the open utterance is handed out, if nobody pauses before."""
        return max(0, self._due_sample - self.heard_samples) / RATE

    @property
    def needed_from_sample(self) -> int:
        """Audio before this is not asked for again."""
        if self._start_sample is not None:
            return self._start_sample
        return max(self._free_sample, self.heard_samples - _samples(self._options.lead_in_seconds))

    @property
    def likely(self) -> Stretch | None:
        """What the open utterance will be if its silence goes on; None while somebody speaks."""
        silence_seconds = min(self._options.likely_seconds, self._options.silence_seconds / 2)
        if self._start_sample is None or self._silent_samples < _samples(silence_seconds):
            return None
        return Stretch(self._start_sample, self._end_sample)

    def feed(self, speaking: bool, probability: float) -> Stretch | None:
        """What has to be transcribed after this window."""
        if self._start_sample is None and speaking:
            self._open()
        self.heard_samples += WINDOW_SAMPLES
        self._silent_samples = WINDOW_SAMPLES * self._silence.feed(speaking, probability)
        if speaking:
            self._speech_windows += 1
            self._spoken_sample = self.heard_samples
        self._watch_pauses(speaking)
        if self._start_sample is None:
            return None
        if self._silent_samples >= _samples(self._options.silence_seconds):
            return self._close()
        if self.heard_samples >= self._due_sample:
            return self._overdue(self._start_sample)
        return None

    def cut(self, sample: int) -> None:
        """The stretch handed out last was settled up to here; what follows is open."""
        self._start_sample = self._free_sample = sample
        self._due_sample = self.heard_samples + _samples(self._options.longest_seconds)
        self._pauses = [pause for pause in self._pauses if pause[0] >= sample]

    def postpone(self) -> None:
        """Nothing in the stretch handed out last can be settled yet."""
        self._due_sample = self.heard_samples + RATE

    def finish(self, total_samples: int) -> Stretch | None:
        """The rest, where the audio has ended."""
        stretch = None if self._start_sample is None else self._close()
        if stretch is None:
            return None
        return Stretch(stretch.start_sample, max(stretch.start_sample, min(stretch.end_sample, total_samples)))

    def flush(self, rest_samples: int) -> Stretch | None:
        """The open utterance, where the client wants to know it now; so much of its audio is no whole window yet."""
        if self._start_sample is None:
            return None
        stretch = self._close()
        if self._silent_samples == 0:
            end = self.heard_samples + rest_samples
            self._free_sample = end
            stretch = stretch and Stretch(stretch.start_sample, end)
        return stretch

    @property
    def _tail_seconds(self) -> float:
        """Half of a short silence: the other half is for the recogniser to be ready at its end."""
        return min(self._options.tail_seconds, self._options.silence_seconds / 2)

    @property
    def _end_sample(self) -> int:
        tail = min(self._silent_samples, _samples(self._tail_seconds))
        return self.heard_samples - self._silent_samples + tail

    def _open(self) -> None:
        self._start_sample = max(self._free_sample, self.heard_samples - _samples(self._options.lead_in_seconds))
        self._due_sample = self.heard_samples + _samples(self._options.longest_seconds)
        self.spoken_from_sample = self.heard_samples
        self._speech_windows = 0
        self._pauses.clear()

    def _close(self) -> Stretch | None:
        stretch = Stretch(self._start_sample or 0, self._end_sample)
        spoken = self.speaking and self._spoken_sample > stretch.start_sample
        self._start_sample, self._free_sample = None, max(stretch.end_sample, self._free_sample)
        return stretch if spoken else None

    def _watch_pauses(self, speaking: bool) -> None:
        """Dips that are over; where one lies is where no word is."""
        if not speaking and self._dip_sample is None:
            self._dip_sample = self.heard_samples - WINDOW_SAMPLES
        elif speaking and self._dip_sample is not None:
            self._pauses.append((self._dip_sample, self.heard_samples - WINDOW_SAMPLES))
            self._dip_sample = None

    def _overdue(self, start: int) -> Stretch:
        """Up to the longest pause in its later half; the newest of equals."""
        pauses = list(self._pauses)
        if self._dip_sample is not None:
            pauses.append((self._dip_sample, self.heard_samples))
        middle = (start + self.heard_samples) // 2
        least = _samples(self._options.pause_seconds)
        late = [(last - first, first, last) for first, last in pauses if first >= middle and last - first >= least]
        end = self.heard_samples
        if late:
            _, first, last = max(late)
            end = (first + last) // 2
        elif end - start < _samples(self._options.most_seconds):
            return Stretch(start, end, whole=False, ends=False)
        self.cut(end)
        return Stretch(start, end, ends=False)


def _samples(seconds: float) -> int:
    return round(seconds * RATE)
