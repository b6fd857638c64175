"""Since when a stream is silent."""

# The model's probability falls at once where speech ends in quiet, over 0.3 s and more where it ends in noise. So
# whether speech is over is the decision's to say; since when, counts from the last window that was clearly speech.
_CLEAR_PROBABILITY = 0.85
# So many windows of an uncertain stretch at most are taken for the fall: mumbling is no silence.
_MAX_FALL_WINDOWS = 8
# Speech sounds for up to so long after the last clear window, and before the first one after a pause.
_EDGE_WINDOWS = 3


class TrailingSilence:
    """How many windows of silence lie behind the last sound of speech."""

    def __init__(self) -> None:
        self._unclear_windows = 0

    def feed(self, speaking: bool, probability: float) -> int:
        """The silence after this window; 0 while somebody speaks."""
        self._unclear_windows = 0 if probability >= _CLEAR_PROBABILITY else self._unclear_windows + 1
        if speaking:
            self._unclear_windows = min(self._unclear_windows, _MAX_FALL_WINDOWS)
            return 0
        return max(0, self._unclear_windows - _EDGE_WINDOWS)
