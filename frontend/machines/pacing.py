"""How often a stream shows what it has understood so far, given how fast it is answered.

Every stream sees the load of all: its own calls wait in the same queues as everybody's. So each one decides by the
time its last calls took: first partials become rarer, then they stop, and finals alone go on; these tell when the load
has gone. A call that nobody else's was beside tells of a slow model, not of load.
"""

from dataclasses import dataclass
from typing import Literal

# Of an utterance nothing was asked yet; nothing of it could be shown so far; something of it is shown.
Stage = Literal["begun", "opening", "open"]


@dataclass(frozen=True)
class PacingOptions:
    first_partial_seconds: float = 0.5
    opening_seconds: float = 0.2
    partial_seconds: float = 0.5
    # A stream spends at most one part in so many of its time waiting for partials; less patience until something is
    # shown, when there is little to hear yet and somebody waits to see that they are understood: none where no other
    # stream waits meanwhile. With half a second between two tries the first word of readers came 0.16 s later.
    patience: float = 6.0
    opening_patience: float = 2.0
    opening_patience_alone: float = 1.0
    # Alone, it shows something at the latest each so many seconds.
    latest_seconds: float = 1.0
    # Partials stop when a call takes longer than the first or audio waits for longer than that; below the second
    # they come back. A final of who hears long pieces takes half a second of a processor, and while partials are
    # stopped finals alone tell of the load: the second must lie above what they take beside a few others.
    stop_seconds: float = 1.2
    resume_seconds: float = 0.8


class Pacing:
    def __init__(self, options: PacingOptions) -> None:
        self._options = options
        self._call_seconds = 0.0
        self._alone = False
        self.stopped = False

    def observe(self, call_seconds: float, alone: bool) -> None:
        """A call to the recogniser was answered after so long; alone: no other was under way."""
        self._alone = alone
        self._call_seconds = (
            call_seconds if call_seconds > self._call_seconds else (self._call_seconds + call_seconds) / 2
        )

    def is_due(self, new_seconds: float, *, stage: Stage, waiting_seconds: float, final_seconds: float) -> bool:
        """Whether to transcribe what is open, after so much audio since speech began or since the last time.

        At the latest after so many seconds its final is asked for, which would have to wait for an answer that is not
        there by then.
        """
        worst = max(0.0 if self._alone else self._call_seconds, waiting_seconds)
        bar = self._options.resume_seconds if self.stopped else self._options.stop_seconds
        self.stopped = worst > bar
        options = self._options
        usual = {
            "begun": options.first_partial_seconds,
            "opening": options.opening_seconds,
            "open": options.partial_seconds,
        }[stage]
        stretched = self._patience(stage) * self._call_seconds
        if self._alone:
            stretched = min(stretched, options.latest_seconds)
        return not self.stopped and new_seconds >= max(usual, stretched) and final_seconds >= self._call_seconds

    def _patience(self, stage: Stage) -> float:
        if stage == "open":
            return self._options.patience
        return self._options.opening_patience_alone if self._alone else self._options.opening_patience
