"""How OpenAI's audio API tells transcripts and errors."""

import json
from collections.abc import Mapping
from typing import Any

from frontend.errors import GatewayError, OverloadedError
from frontend.protocols.openai_wording import error_of, languages, logprobs, usage
from frontend.recordings import subtitles
from frontend.rest.language_names import name_of
from frontend.rest.openai_form import Wanted
from frontend.speech import Word
from frontend.tasks.files.transcription import HeardSegment, Transcription

_JSON, _TEXT = "application/json", "text/plain"


def refusal(status: int, message: str, error: GatewayError | None, _: str = "") -> tuple[int, Mapping[str, Any]]:
    """Whom the gateway takes no more from now is told 429, by which these clients know that later is better."""
    if isinstance(error, OverloadedError):
        status = 429
    return status, {"error": error_of(message, error, server=status >= 500)}


def body_of(wanted: Wanted, heard: Transcription, audio_seconds: float) -> tuple[str, bytes]:
    """The kind of the answer's body, and the body."""
    match wanted.response_format:
        case "text":
            return _TEXT, f"{heard.text}\n".encode()
        case "srt":
            return _TEXT, subtitles.srt(subtitles.cues(segment.words for segment in heard.segments)).encode()
        case "vtt":
            return _TEXT, subtitles.vtt(subtitles.cues(segment.words for segment in heard.segments)).encode()
        case "verbose_json":
            return _JSON, _json(_verbose(wanted, heard, audio_seconds))
        case _:
            told: dict[str, Any] = {"text": heard.text}
            if wanted.task == "transcribe":
                told |= {"languages": languages(heard.language), "usage": usage(audio_seconds)}
            if wanted.logprobs:
                told["logprobs"] = logprobs(heard.words)
            return _JSON, _json(told)


def _verbose(wanted: Wanted, heard: Transcription, audio_seconds: float) -> Mapping[str, Any]:
    language = "en" if wanted.task == "translate" else heard.language
    told: dict[str, Any] = {
        "task": wanted.task,
        "language": name_of(language),
        "duration": round(audio_seconds, 3),
        "text": heard.text,
    }
    if "segment" in wanted.granularities:
        told["segments"] = [_segment(number, segment) for number, segment in enumerate(heard.segments)]
    if "word" in wanted.granularities:
        told["words"] = [
            {"word": word.text.strip(), "start": round(word.start_seconds, 3), "end": round(word.end_seconds, 3)}
            for word in heard.words
        ]
    return {**told, "usage": usage(audio_seconds)}


def _segment(number: int, segment: HeardSegment) -> Mapping[str, Any]:
    """Tokens are the model's own affair."""
    transcript = segment.transcript
    return {
        "id": number,
        "seek": round(100 * segment.start_seconds),
        "start": round(segment.start_seconds, 3),
        "end": round(segment.end_seconds, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(transcript.average_log_probability, 6),
        "compression_ratio": round(transcript.compression_ratio, 6),
        "no_speech_prob": round(transcript.no_speech_probability, 6),
    }


class StreamWording:
    """The events of one streamed transcript; its deltas joined are its text."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._text = ""
        self._words: list[Word] = []
        self._count = 0

    def segment(self, segment: HeardSegment) -> bytes:
        delta = "".join(word.text for word in segment.words)
        if not self._text:
            delta = delta.lstrip()
        self._text += delta
        event: dict[str, Any] = {"type": "transcript.text.delta", "delta": delta}
        if self._wanted.logprobs:
            event["logprobs"] = logprobs(segment.words)
            self._words += segment.words
        told = _event(event)
        if self._wanted.response_format == "verbose_json":
            told += _event(self._as_segment(segment))
        return told

    def done(self, language: str, audio_seconds: float) -> bytes:
        event: dict[str, Any] = {"type": "transcript.text.done", "text": self._text, "usage": usage(audio_seconds)}
        event["languages"] = languages(language)
        if self._wanted.logprobs:
            event["logprobs"] = logprobs(self._words)
        return _event(event)

    def _as_segment(self, segment: HeardSegment) -> Mapping[str, Any]:
        number, self._count = self._count, self._count + 1
        return {
            "type": "transcript.text.segment",
            "id": f"seg_{number}",
            "start": round(segment.start_seconds, 3),
            "end": round(segment.end_seconds, 3),
            "text": segment.text,
            "speaker": "",
        }


def failure(error: GatewayError) -> bytes:
    """What ends a stream early."""
    return _event(refusal(error.status, str(error), error)[1])


def _event(fields: Mapping[str, Any]) -> bytes:
    return b"data: " + _json(fields) + b"\n\n"


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
