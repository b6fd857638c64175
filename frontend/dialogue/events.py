"""What tasks and jobs found out about whole recordings."""

from dataclasses import dataclass


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
