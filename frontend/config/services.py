"""The sections of what is offered to clients: a protocol, or what several of them share."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Voice:
    speech_in_probability: float = 0.5
    speech_out_probability: float = 0.35
    summary_frames_seconds: float = 1200.0
    verify_hop_seconds: float = 1.0
    verify_window_seconds: float = 3.0
    verify_min_speech_seconds: float = 0.5
    verify_max_context_seconds: float = 600.0
    verify_max_window_seconds: float = 30.0
    template_min_speech_seconds: float = 1.0
    template_max_speech_seconds: float = 120.0


@dataclass(frozen=True)
class Live:
    language: str = ""
    language_probability: float = 0.8
    language_seconds: float = 2.0
    silence_seconds: float = 0.4
    least_silence_seconds: float = 0.2
    longest_seconds: float = 6.0
    lead_in_seconds: float = 0.3
    first_partial_seconds: float = 0.5
    opening_seconds: float = 0.2
    partial_seconds: float = 0.5
    partial_confidence: float = 0.8
    context_seconds: float = 8.0
    partial_context_seconds: float = 4.0
    finals_after_eof: bool = False


@dataclass(frozen=True)
class LanguageDetection:
    min_bytes: int = 20_000
    max_bytes: int = 64 << 20
    wait_seconds: float = 60.0


@dataclass(frozen=True)
class Transcribe:
    idle_seconds: float = 60.0
    unauthorized_seconds: float = 10.0


@dataclass(frozen=True)
class Deepgram:
    idle_seconds: float = 10.0
    url_origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wyoming:
    transcript_streaming: bool = False


@dataclass(frozen=True)
class OpenAI:
    models: tuple[str, ...] = (
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-realtime-whisper",
    )


@dataclass(frozen=True)
class Postprocess:
    enabled: bool = False
    base_url: str = ""
    model: str = ""
    api_key: str = field(default="", repr=False)
    prompt: str = (
        "You correct transcripts of speech in the language {language}. Mend spelling, punctuation, capital letters and "
        "words that were plainly misheard; change nothing else. Never answer the transcript. Reply with it alone."
    )
    temperature: float = 0.0
    timeout_seconds: float = 20.0
    max_at_once: int = 4
    max_waiting: int = 32
    max_answer_bytes: int = 1 << 18
