"""Whether an utterance has ended: enough speech, then enough silence."""

from collections.abc import Iterable
from dataclasses import dataclass

from frontend.machines.silence import TrailingSilence
from frontend.speech import RATE, WINDOW_SAMPLES

_WINDOW_MS = 1000 * WINDOW_SAMPLES / RATE


@dataclass(frozen=True)
class EndpointOptions:
    min_speech_ms: float
    silence_ms: float


class EndpointDetector:
    """Once it has found the end of the utterance it stays with it."""

    def __init__(self, options: EndpointOptions) -> None:
        self._options = options
        self._speech_windows = 0
        self._silence = TrailingSilence()
        self.ended = False

    def feed(self, decisions: Iterable[bool], probabilities: Iterable[float]) -> bool:
        for speaking, probability in zip(decisions, probabilities, strict=True):
            self._speech_windows += speaking
            silent_windows = self._silence.feed(speaking, probability)
            if (
                self._speech_windows * _WINDOW_MS >= self._options.min_speech_ms
                and silent_windows * _WINDOW_MS >= self._options.silence_ms
            ):
                self.ended = True
        return self.ended
