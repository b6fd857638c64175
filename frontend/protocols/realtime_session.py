"""What a client of OpenAI's Realtime API may set of its session, checked, and told as it holds."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontend.errors import ClientError, FieldError, UnknownModelError
from frontend.media.stream import AudioFormat
from frontend.protocols.base import SHOWN_CHARACTERS, language_of
from frontend.speech import Manifest
from frontend.tasks.live.options import Turns, Wishes

_INPUT = "session.audio.input"
_RATE = 24_000
_FORMATS: Mapping[str, AudioFormat] = {
    "audio/pcm": AudioFormat(_RATE),
    "audio/pcmu": AudioFormat(8000, "mulaw"),
    "audio/pcma": AudioFormat(8000, "alaw"),
}
_LOGPROBS = "item.input_audio_transcription.logprobs"
# The silence that ends an utterance, where its end is to be guessed from what is said.
_EAGERNESS_SECONDS = {"low": 1.2, "medium": 0.7, "auto": 0.7, "high": 0.4}
# While somebody speaks without a pause, the longest until there is text that does not change any more.
_DELAY_SECONDS = {"minimal": 2.0, "low": 3.0, "medium": 6.0, "high": 10.0, "xhigh": 15.0}
_LONGEST_MS = 10_000
_LEAST_THRESHOLD = 0.01
_TRANSCRIPTION = ("model", "language", "prompt", "languages", "delay")
_VAD: Mapping[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
}

_Object = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What may be named: models, and what the recogniser knows."""

    models: Sequence[str]
    recogniser: Manifest


@dataclass(frozen=True)
class RealtimeSession:
    """As it holds now; `changed` makes the next one."""

    transcription: _Object
    format: str = "audio/pcm"
    turn_detection: _Object | None = dataclasses.field(default_factory=lambda: _VAD)
    noise_reduction: _Object | None = None
    include: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: str) -> "RealtimeSession":
        return cls({"model": model, "language": None, "prompt": ""})

    @property
    def audio(self) -> AudioFormat:
        return _FORMATS[self.format]

    @property
    def bytes_per_second(self) -> int:
        return self.audio.rate * (2 if self.audio.encoding == "pcm16" else 1)

    @property
    def logprobs(self) -> bool:
        return _LOGPROBS in self.include

    @property
    def wishes(self) -> Wishes:
        vad = self.turn_detection
        longest_seconds = _DELAY_SECONDS.get(self.transcription.get("delay", ""))
        usual = Wishes(
            self.audio, language=_language(self.transcription), longest_seconds=longest_seconds, partials=False
        )
        if vad is None:
            return usual
        if vad["type"] == "semantic_vad":
            return dataclasses.replace(usual, silence_seconds=_EAGERNESS_SECONDS[vad["eagerness"]], turns=Turns())
        return dataclasses.replace(
            usual,
            silence_seconds=vad["silence_duration_ms"] / 1000,
            lead_in_seconds=vad["prefix_padding_ms"] / 1000,
            speech_probability=max(_LEAST_THRESHOLD, vad["threshold"]),
            turns=Turns(),
        )

    def told(self, session_id: str) -> _Object:
        encoding = {"type": self.format} | ({"rate": _RATE} if self.format == "audio/pcm" else {})
        return {
            "type": "transcription",
            "object": "realtime.transcription_session",
            "id": session_id,
            "audio": {
                "input": {
                    "format": encoding,
                    "transcription": self.transcription,
                    "noise_reduction": self.noise_reduction,
                    "turn_detection": self.turn_detection,
                }
            },
            "include": list(self.include) or None,
        }

    def changed(self, update: Any, known: Known) -> "RealtimeSession":
        """FieldError for what cannot be; what is not named stays, and what is not known is ignored."""
        said = _object(update, "session")
        if said.get("type", "transcription") != "transcription":
            raise FieldError("session.type", "only sessions of the type transcription are served")
        changes: dict[str, Any] = {}
        heard = _object(_object(said.get("audio", {}), "session.audio").get("input", {}), _INPUT)
        if "format" in heard:
            changes["format"] = _format(heard["format"])
        if "transcription" in heard:
            changes["transcription"] = _transcription(self.transcription, heard["transcription"], known)
        if "noise_reduction" in heard:
            changes["noise_reduction"] = _noise_reduction(heard["noise_reduction"])
        if "turn_detection" in heard:
            changes["turn_detection"] = _turn_detection(heard["turn_detection"])
        if "include" in said:
            changes["include"] = _include(said["include"])
        return dataclasses.replace(self, **changes)


def check_model(name: Any, known: Known, field: str) -> str:
    if not isinstance(name, str):
        raise FieldError(field, "the model must be a string")
    if name not in known.models:
        shown = name[:SHOWN_CHARACTERS]
        raise UnknownModelError(f"The model '{shown}' does not exist: GET /v1/models lists those that do")
    return name


def _language(transcription: _Object) -> str | None:
    if transcription.get("language"):
        return str(transcription["language"])
    among: list[str] = transcription.get("languages") or []
    return among[0] if len(among) == 1 else None


def _object(value: Any, field: str) -> _Object:
    if not isinstance(value, Mapping):
        raise FieldError(field, f"{field} must be an object")
    return value


def _one_of(value: Any, known: Iterable[str], field: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise FieldError(field, f"{field} must be one of {', '.join(known)}")
    return value


def _format(value: Any) -> str:
    field = f"{_INPUT}.format"
    said = _object(value, field)
    kind = _one_of(said.get("type", "audio/pcm"), _FORMATS, f"{field}.type")
    if kind == "audio/pcm" and said.get("rate", _RATE) != _RATE:
        raise FieldError(f"{field}.rate", f"the rate of audio/pcm is {_RATE}")
    return kind


def _transcription(before: _Object, value: Any, known: Known) -> _Object:
    field = f"{_INPUT}.transcription"
    if value is None:
        raise FieldError(field, "a session of the type transcription transcribes")
    said = _object(value, field)
    after = {**before, **{key: said[key] for key in _TRANSCRIPTION if key in said}}
    check_model(after["model"], known, f"{field}.model")
    if after["language"] not in (None, ""):
        _check_language(after["language"], known, f"{field}.language")
    among = after.get("languages")
    for code in _list([] if among is None else among, f"{field}.languages"):
        _check_language(code, known, f"{field}.languages")
    if not isinstance(after["prompt"], str | None):
        raise FieldError(f"{field}.prompt", "the prompt must be a string")
    if said.get("keywords"):
        raise FieldError(f"{field}.keywords", "keywords are not taken here")
    if after.get("delay") is not None:
        _one_of(after["delay"], _DELAY_SECONDS, f"{field}.delay")
    return after


def _check_language(code: Any, known: Known, field: str) -> None:
    try:
        language_of(code, known.recogniser.languages)
    except ClientError as e:
        raise FieldError(field, str(e)) from e


def _list(value: Any, field: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise FieldError(field, f"{field} must be a list")
    return value


def _noise_reduction(value: Any) -> _Object | None:
    """It is accepted, and does nothing."""
    field = f"{_INPUT}.noise_reduction"
    if value is None:
        return None
    return {"type": _one_of(_object(value, field).get("type"), ("near_field", "far_field"), f"{field}.type")}


def _turn_detection(value: Any) -> _Object | None:
    field = f"{_INPUT}.turn_detection"
    if value is None:
        return None
    said = _object(value, field)
    match said.get("type", "server_vad"):
        case "semantic_vad":
            asked = said.get("eagerness")
            eagerness = _one_of("auto" if asked is None else asked, _EAGERNESS_SECONDS, f"{field}.eagerness")
            return {"type": "semantic_vad", "eagerness": eagerness}
        case "server_vad":
            return {
                "type": "server_vad",
                "threshold": _number(said, field, "threshold", 0.99),
                "prefix_padding_ms": _number(said, field, "prefix_padding_ms", _LONGEST_MS),
                "silence_duration_ms": _number(said, field, "silence_duration_ms", _LONGEST_MS),
            }
    raise FieldError(f"{field}.type", "turn detection must be server_vad, semantic_vad or null")


def _number(said: _Object, field: str, name: str, most: float) -> float:
    value = said.get(name)
    if value is None:
        value = _VAD[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise FieldError(f"{field}.{name}", f"{name} must be a number from 0 to {most:g}")
    return value


def _include(value: Any) -> tuple[str, ...]:
    said = _list([] if value is None else value, "session.include")
    if any(each != _LOGPROBS for each in said):
        raise FieldError("session.include", f"include can hold {_LOGPROBS}")
    return tuple(said)
