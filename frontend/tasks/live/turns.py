"""Who speaks when, told to clients that follow it."""

from collections.abc import Callable

from frontend.dialogue.events import Event, FinalHeard, SpeechStarted, SpeechStopped, UtteranceEnded
from frontend.machines.segmenter import Segmenter, Stretch
from frontend.speech import RATE
from frontend.tasks.live.options import Turns


class TurnTeller:
    """Of one stream: after each start comes one stop or a forced final, and after each stop one final that ends it."""

    def __init__(self, options: Turns | None, segmenter: Segmenter, tell: Callable[[Event], None]) -> None:
        self._options = options
        self._segmenter = segmenter
        self._tell = tell
        self._speaking = False
        self._last_word_seconds: float | None = None

    def watch(self) -> None:
        """A window was heard, and what it ended is settled."""
        if self._options is None:
            return
        segmenter = self._segmenter
        if segmenter.speaking and not self._speaking:
            self._speaking = True
            start = segmenter.start_sample or 0
            self._tell(SpeechStarted(segmenter.spoken_from_sample / RATE, start / RATE))
        elif self._speaking and segmenter.start_sample is None:  # since the last cut nothing was said
            heard_seconds = segmenter.heard_samples / RATE
            self._stop(heard_seconds)
            self._tell(FinalHeard((), heard_seconds))
        self._watch_gap(self._options.utterance_end_seconds)

    def settle(self, stretch: Stretch) -> None:
        """This is about to be transcribed for good."""
        if self._speaking and stretch.ends:
            self._stop(stretch.end_sample / RATE)

    def tell(self, final: FinalHeard) -> None:
        """Told where it has words, or ends what was begun."""
        if final.words:
            self._last_word_seconds = final.words[-1].end_seconds
        if final.forced:
            self._speaking = False
        if final.words or final.forced or (self._options is not None and final.ends_utterance):
            self._tell(final)

    def _stop(self, end_seconds: float) -> None:
        self._speaking = False
        self._tell(SpeechStopped(end_seconds))

    def _watch_gap(self, gap_seconds: float | None) -> None:
        last, heard_seconds = self._last_word_seconds, self._segmenter.heard_samples / RATE
        if gap_seconds is None or last is None or self._segmenter.start_sample is not None:
            return
        if heard_seconds - last >= gap_seconds:
            self._last_word_seconds = None
            self._tell(UtteranceEnded(last))
