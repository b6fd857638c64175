"""What a client of OpenAI's audio API asks for: the fields of its form, each checked."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from frontend.config import services, settings
from frontend.errors import ClientError, FieldError, UnknownModelError
from frontend.machines.activity import Thresholds
from frontend.protocols.base import SHOWN_CHARACTERS, language_of
from frontend.rest.forms import Form
from frontend.speech import Decoding, Manifest, SpeechTask
from frontend.tasks.files.language import LanguageOptions
from frontend.tasks.files.transcription import TranscriptionOptions

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_GRANULARITIES = ("word", "segment")
_DIARIZED = "diarized_json"
_LONGEST_MS = 10_000
# Silence ends speech at a probability so much below the one at which it began.
_HYSTERESIS = 0.15


@dataclass(frozen=True)
class Wanted:
    """What to do with the file, and how to tell."""

    options: TranscriptionOptions
    response_format: str
    granularities: tuple[str, ...]
    logprobs: bool
    stream: bool

    @property
    def task(self) -> SpeechTask:
        return self.options.decoding.task


def check_model(name: Any, options: services.OpenAI) -> None:
    if not isinstance(name, str) or not name:
        raise FieldError("model", "you must provide a model")
    if name not in options.models:
        raise UnknownModelError(
            f"The model '{name[:SHOWN_CHARACTERS]}' does not exist: GET /v1/models lists those that do"
        )


def wanted(form: Form, task: SpeechTask, options: settings.Settings, recogniser: Manifest) -> Wanted:
    check_model(form.text("model"), options.openai)
    if task == "translate" and recogniser.tasks and task not in recogniser.tasks:
        raise ClientError("the recogniser that serves does not translate")
    response_format = _choice(form, "response_format", (*FORMATS, _DIARIZED), "json")
    if response_format == _DIARIZED:
        raise FieldError("response_format", "diarized_json is not supported: speakers are not told apart")
    stream = _choice(form, "stream", ("true", "false"), "false") == "true"
    if stream and response_format in ("srt", "vtt"):
        raise FieldError("response_format", f"{response_format} cannot be streamed: ask for json")
    _number(form.text("temperature") or "0", "temperature", 1.0)
    return Wanted(
        _transcription(form, task, options.recognition, recogniser),
        response_format,
        _granularities(form, response_format),
        _logprobs(form, response_format),
        stream,
    )


def _transcription(
    form: Form, task: SpeechTask, recognition: settings.Recognition, recogniser: Manifest
) -> TranscriptionOptions:
    hotwords = form.texts("keywords")
    if hotwords and not recogniser.hotwords:
        raise FieldError("keywords", "the recogniser that serves takes no keywords")
    language = _language(form.text("language"), "language", recogniser) if form.text("language") else None
    languages = tuple(_language(code, "languages", recogniser) for code in form.texts("languages"))
    if language is None and len(languages) == 1:
        language = languages[0]
    decoding = Decoding(language, task, prompt=form.text("prompt") or "", hotwords=hotwords)
    options = TranscriptionOptions.of(recognition, decoding)
    cutting = _chunking(form, options.language)
    return dataclasses.replace(options, language=cutting, languages=() if language else languages)


def _language(value: str | None, field: str, recogniser: Manifest) -> str:
    try:
        return language_of(value, recogniser.languages)
    except ClientError as e:
        raise FieldError(field, str(e)) from e


def _choice(form: Form, field: str, known: tuple[str, ...], default: str) -> str:
    value = form.text(field) or default
    if value not in known:
        raise FieldError(field, f"{field} must be one of {', '.join(known)}")
    return value


def _granularities(form: Form, response_format: str) -> tuple[str, ...]:
    field = "timestamp_granularities"
    asked = form.texts(field)
    if any(each not in _GRANULARITIES for each in asked):
        raise FieldError(field, f"{field} must be of {', '.join(_GRANULARITIES)}")
    if asked and response_format != "verbose_json":
        raise FieldError(field, f"{field} needs the response_format verbose_json")
    return asked or ("segment",)


def _logprobs(form: Form, response_format: str) -> bool:
    asked = form.texts("include")
    if any(each != "logprobs" for each in asked):
        raise FieldError("include", "include can hold logprobs")
    if asked and response_format != "json":
        raise FieldError("include", "logprobs need the response_format json")
    return bool(asked)


def _chunking(form: Form, usual: LanguageOptions) -> LanguageOptions:
    """`auto` is how recordings are cut anyway."""
    said = _chunking_strategy(form)
    if said is None:
        return usual
    field = "chunking_strategy"
    if said.get("type") != "server_vad":
        raise FieldError(field, f"{field} must be auto or of the type server_vad")
    pieces, thresholds = usual.pieces, usual.thresholds
    if "threshold" in said:
        threshold = _number(said["threshold"], f"{field}[threshold]", 1.0)
        thresholds = Thresholds(threshold, max(0.0, threshold - _HYSTERESIS))
    if "silence_duration_ms" in said:
        pause_ms = _number(said["silence_duration_ms"], f"{field}[silence_duration_ms]", _LONGEST_MS)
        pieces = dataclasses.replace(pieces, pause_seconds=pause_ms / 1000)
    if "prefix_padding_ms" in said:
        margin_ms = _number(said["prefix_padding_ms"], f"{field}[prefix_padding_ms]", _LONGEST_MS)
        pieces = dataclasses.replace(pieces, margin_seconds=margin_ms / 1000)
    return dataclasses.replace(usual, pieces=pieces, thresholds=thresholds)


def _chunking_strategy(form: Form) -> Mapping[str, Any] | None:
    """As the libraries write an object, or as JSON."""
    text = form.text("chunking_strategy")
    if text is None or text == "auto":
        return form.group("chunking_strategy") or None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    return said if isinstance(said, dict) else {"type": said}


def _number(value: Any, field: str, most: float) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError):
        number = -1.0
    if not 0 <= number <= most:  # nor what is no number at all
        raise FieldError(field, f"{field} must be a number from 0 to {most:g}")
    return number
