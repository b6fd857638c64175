"""Which language a stream is in, told by what the recogniser heard in each of its utterances."""

from dataclasses import dataclass

from frontend.speech import Transcript

# More than this of no speech, and no words are missed; else their language was not likely enough. Where the recogniser
# writes none as nobody speaks, at whatever limit of its own, it tells 1.
_NOBODY = 0.5


@dataclass(frozen=True)
class StreamLanguageOptions:
    """A fixed language, or how sure a detection must be, and of how much speech, to become the stream's."""

    fixed: str | None = None
    sure_probability: float = 0.8
    sure_seconds: float = 2.0


class StreamLanguage:
    """Fed final transcripts only, so that it does not depend on when partials were made."""

    def __init__(self, options: StreamLanguageOptions) -> None:
        self._options = options
        self._detected: str | None = None

    @property
    def current(self) -> str | None:
        return self._options.fixed or self._detected

    @property
    def fixed(self) -> str | None:
        return self._options.fixed

    def believes(self, transcript: Transcript, seconds: float) -> bool:
        """Whether the language that the recogniser found is taken; else it is to be told the stream's."""
        if self.fixed or self.current is None or self._is_sure(transcript, seconds):
            return True
        return is_nobodys(transcript) or (bool(transcript.words) and transcript.language == self.current)

    def settle(self, transcript: Transcript, seconds: float) -> None:
        """Learn from a final."""
        if self._is_sure(transcript, seconds):
            self._detected = transcript.language

    def _is_sure(self, transcript: Transcript, seconds: float) -> bool:
        sure = transcript.language_probability >= self._options.sure_probability
        return sure and seconds >= self._options.sure_seconds and bool(transcript.words)


def is_nobodys(transcript: Transcript) -> bool:
    """Whether there are no words because nobody speaks: none in another language either."""
    return not transcript.words and transcript.no_speech_probability > _NOBODY
