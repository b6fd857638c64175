"""What tasks and jobs found out. All are frozen values."""

from dataclasses import dataclass

from frontend.errors import GatewayError
from frontend.machines.summary import SpeechSummary
from frontend.machines.verification import Interval
from frontend.speech import Word


@dataclass(frozen=True)
class EndpointWatched:
    ended: bool


@dataclass(slots=True)
class SpeechSummarised:
    summary: SpeechSummary


@dataclass(frozen=True)
class Verified:
    """One window's comparison with the template."""

    interval: Interval
    probability: float
    score: float


@dataclass(frozen=True)
class VoiceVerified:
    """The comparisons of the windows that a message completed; often none."""

    results: tuple[Verified, ...]


@dataclass(frozen=True)
class Failed:
    """A message whose audio gave no result; the stream goes on."""

    error: GatewayError


@dataclass(frozen=True)
class PartialHeard:
    """Words since the last final, of what was heard up to here; they may still change."""

    words: tuple[Word, ...]
    end_seconds: float = 0.0


@dataclass(frozen=True)
class FinalHeard:
    """Words that do not change any more, of all that was heard up to here.

    The utterance is over with them, because of the silence behind it or the end of the audio, or because the client
    wanted to know (then it was `forced`); else it goes on.
    """

    words: tuple[Word, ...]
    end_seconds: float = 0.0
    ends_utterance: bool = True
    forced: bool = False
    language: str = ""


@dataclass(frozen=True)
class SpeechStarted:
    """Somebody speaks; the utterance's audio begins a little before."""

    spoken_seconds: float
    start_seconds: float


@dataclass(frozen=True)
class SpeechStopped:
    """The silence behind an utterance was long enough; its last final follows."""

    end_seconds: float


@dataclass(frozen=True)
class UtteranceEnded:
    """After the last word of a final nobody has spoken for as long as the client wanted to know of."""

    last_word_seconds: float


@dataclass(frozen=True)
class AllHeard:
    """The audio is over and everything was told of it."""

    audio_seconds: float


@dataclass(frozen=True)
class Exported:
    """The stream is over, and kept under this id; the error says why not all of it is."""

    export_id: str
    error: GatewayError | None = None


@dataclass(frozen=True)
class Segment:
    """A stretch of a transcript, its text without space around it."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Corrected:
    """What post-processing made of a text, or why it made nothing of it; no seconds where it never ran."""

    text: str | None
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class RecordingTranscribed:
    """A whole recording, or all that is known of a stream so far."""

    text: str
    segments: tuple[Segment, ...]
    language: str
    audio_seconds: float
    processing_seconds: float
    corrected: Corrected | None = None


@dataclass(frozen=True)
class LanguageDetected:
    language: str
    probability: float
    processing_seconds: float


@dataclass(frozen=True)
class TimedOut:
    """The alarm went off."""


Event = (
    EndpointWatched
    | SpeechSummarised
    | VoiceVerified
    | Failed
    | PartialHeard
    | FinalHeard
    | SpeechStarted
    | SpeechStopped
    | UtteranceEnded
    | AllHeard
    | Exported
    | LanguageDetected
    | RecordingTranscribed
    | TimedOut
)
