"""Whether an utterance has ended: enough speech, then enough silence."""

from collections.abc import Iterable
from dataclasses import dataclass

from frontend.speech import RATE, WINDOW_SAMPLES

_WINDOW_MS = 1000 * WINDOW_SAMPLES / RATE
# The model's probability falls at once where speech ends in quiet, over 0.3 s and more where it ends in noise. So
# whether speech is over is the decision's to say; since when, counts from the last window that was clearly speech.
_CLEAR_PROBABILITY = 0.85
# So many windows of an uncertain stretch at most are taken for the fall: mumbling is no silence.
_MAX_FALL_WINDOWS = 8
# Speech sounds for up to so long after the last clear window, and before the first one after a pause.
_EDGE_WINDOWS = 3


@dataclass(frozen=True)
class EndpointOptions:
    min_speech_ms: float
    silence_ms: float


class EndpointDetector:
    """Once it has found the end of the utterance it stays with it."""

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options
        self._speech_windows = 0
        self._silent_windows = 0
        self.ended = False

    def feed(self, decisions: Iterable[bool], probabilities: Iterable[float]) -> bool:
        for speaking, probability in zip(decisions, probabilities, strict=True):
            self._speech_windows += speaking
            self._silent_windows = 0 if probability >= _CLEAR_PROBABILITY else self._silent_windows + 1
            if speaking:
                self._silent_windows = min(self._silent_windows, _MAX_FALL_WINDOWS)
            silent_windows = 0 if speaking else max(0, self._silent_windows - _EDGE_WINDOWS)
            if (
                self._speech_windows * _WINDOW_MS >= self._options.min_speech_ms
                and silent_windows * _WINDOW_MS >= self._options.silence_ms
            ):
                self.ended = True
        return self.ended
