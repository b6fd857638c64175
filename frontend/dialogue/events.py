"""What tasks and jobs found out. All are frozen values."""

from dataclasses import dataclass

from frontend.errors import GatewayError
from frontend.machines.summary import SpeechSummary
from frontend.machines.verification import Interval
from frontend.speech import Word


@dataclass(frozen=True)
class EndpointWatched:
    ended: bool


@dataclass(frozen=True)
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
    """Words since the last final; they may still change."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class FinalHeard:
    """Words that do not change any more."""

    words: tuple[Word, ...]


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
    | Exported
    | LanguageDetected
    | RecordingTranscribed
    | TimedOut
)
