"""`/ws/transcribe`: what was asked for as JSON, then a WAV, then its transcript."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from frontend.dialogue.commands import Alarm, Ask, Command, Count, HangUp, Refuse, Reply
from frontend.dialogue.events import Corrected, Event, Failed, RecordingTranscribed, TimedOut
from frontend.dialogue.messages import JsonMessage, Message
from frontend.errors import (
    AudioError,
    ClientError,
    ForbiddenError,
    GatewayError,
    ProtocolError,
    QuotaError,
    UnauthorizedError,
    WrongKeysError,
)
from frontend.keys.places import IN_REQUEST
from frontend.media.json_audio import NOT_AN_OBJECT, NOT_JSON
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import Context, Profile, WireProtocol, language_of
from frontend.speech import ASR, VAD, Decoding, SpeechTask
from frontend.tasks.files.jobs import TranscribeFile
from frontend.telemetry.metrics import RequestEnded

_PONG = json.dumps({"type": "pong", "status": "ok"})
_DEFAULT_LANGUAGE, _DETECTED = "en", "auto"
# Who the client says it is goes into the metrics: no longer than the fingerprint that is meant to stand there.
_MACHINE_CHARACTERS = 64


@dataclass(frozen=True)
class _Request:
    decoding: Decoding
    machine_id: str
    correct: bool

    def succeeded(self, event: RecordingTranscribed) -> RequestEnded:
        correcting_seconds = event.corrected.seconds if event.corrected else None
        return RequestEnded(self.machine_id, self.decoding.task, "success", event.audio_seconds, correcting_seconds)


class Transcribe(WireProtocol):
    profile = Profile(
        "/ws/transcribe",
        "transcribe",
        models=(VAD, ASR),
        message_limit="file_message_bytes",
        memory_share="files",
        json_frames=frozenset({"text"}),
        takes_files=True,
        keys=IN_REQUEST | {"message"},
    )

    def __init__(self, context: Context) -> None:
        self._options = context.options
        self._languages = context.manifests[ASR.name].languages
        self._tasks = context.manifests[ASR.name].tasks
        self._context = context
        # Each request must bring it; and it has not been shown yet.
        self._each_shows_key = self._needs_key = context.needs_key
        self._metadata: _Request | None = None
        # The next recording belongs to metadata that was refused.
        self._swallowing = self._unauthorized = False
        self._asked: deque[_Request] = deque()

    def begin(self) -> Iterator[Command]:
        if self._needs_key:
            yield Alarm(self._options.keys.show_seconds, strict=True)
        yield from self._watch()

    def receive(self, message: Message) -> Iterator[Command]:
        if isinstance(message, bytes | MemoryFile):
            yield from self._take(message)
        elif isinstance(message, JsonMessage):
            yield from self._read(message)
        yield from self._watch()

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, TimedOut):
            yield from self._time_out()
            return
        request = self._asked.popleft()
        if isinstance(event, RecordingTranscribed):
            yield Reply(_as_json(event))
            yield Count(request.succeeded(event))
        elif isinstance(event, Failed):
            kind = "invalid audio: " if isinstance(event.error, AudioError) else ""
            yield _refuse(event.error, kind)
            yield Count(RequestEnded(request.machine_id, request.decoding.task, "error"))
        yield from self._watch()

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        yield _refuse(error)

    def _time_out(self) -> Iterator[Command]:
        if self._needs_key and not self._unauthorized:
            yield _refuse(UnauthorizedError("unauthorized"))
        if self._needs_key or self._unauthorized:
            yield HangUp(1008, "unauthorized")
        else:
            yield HangUp(1000, "nothing came for too long")

    def _watch(self) -> Iterator[Command]:
        """The client has its time while it is its turn."""
        if not self._needs_key and not self._unauthorized:
            yield Alarm(None if self._asked else self._options.transcribe.idle_seconds)

    def _take(self, wav: bytes | MemoryFile) -> Iterator[Command]:
        request, self._metadata = self._metadata, None
        if self._unauthorized:
            yield HangUp(1008, "unauthorized")
        elif self._swallowing:
            self._swallowing = False
        elif request is None:
            yield _refuse(ProtocolError("expected metadata"))
        else:
            self._asked.append(request)
            yield Ask(TranscribeFile(wav, request.decoding, self._options.recognition, True, request.correct))

    def _read(self, message: JsonMessage) -> Iterator[Command]:
        fields = message.fields
        if fields is not None and fields.get("type") == "ping":
            yield Reply(_PONG)
        elif not self._unauthorized:
            self._metadata, self._swallowing = None, True
            if fields is not None and fields.get("type") == "transcribe":
                yield from self._request(fields)
            elif fields is not None:
                yield _refuse(ProtocolError("unknown type"))
            else:
                known = message.error in (NOT_JSON, NOT_AN_OBJECT)
                yield _refuse(ProtocolError("invalid json" if known else message.error))

    def _request(self, fields: Mapping[str, Any]) -> Iterator[Command]:
        machine_id, task = _machine_id(fields), "translate" if fields.get("task") == "translate" else "transcribe"
        try:
            shows_key = self._shows_key(fields.get("api_key"))
        except (WrongKeysError, ForbiddenError, QuotaError) as e:
            yield _refuse(e)
            yield HangUp(e.close_code, e.code)
            return
        if not shows_key:
            self._unauthorized = True
            yield _refuse(UnauthorizedError("unauthorized"))
            yield Count(RequestEnded(machine_id, task, "unauthorized"))
            yield Alarm(self._options.transcribe.unauthorized_seconds, strict=True)
            return
        self._needs_key = False
        try:
            self._metadata = _Request(self._decoding(fields), machine_id, self._corrects(fields))
            self._swallowing = False
        except ClientError as e:
            yield _refuse(e)
            yield Count(RequestEnded(machine_id, task, "error"))

    def _shows_key(self, key: Any) -> bool:
        if not self._each_shows_key:
            return True
        try:
            self._context.visit.show(key if isinstance(key, str) else "")
        except WrongKeysError:
            raise
        except UnauthorizedError:
            return False
        return True

    def _decoding(self, fields: Mapping[str, Any]) -> Decoding:
        if not isinstance(fields.get("machine_id"), str | None):
            raise ProtocolError("machine_id must be a string")
        task = fields.get("task", "transcribe")
        if task not in get_args(SpeechTask):
            raise ProtocolError("task must be transcribe or translate")
        if self._tasks and task not in self._tasks:
            raise ProtocolError(f"unsupported task: {task}")
        language = fields.get("language")
        code = language_of(_DEFAULT_LANGUAGE if language in (None, "") else language, (*self._languages, _DETECTED))
        return Decoding(None if code == _DETECTED else code, task)

    def _corrects(self, fields: Mapping[str, Any]) -> bool:
        wanted = fields.get("postprocess")
        if not isinstance(wanted, bool | None):
            raise ProtocolError("postprocess must be true, false or null")
        return self._options.postprocess.enabled if wanted is None else wanted


def _machine_id(fields: Mapping[str, Any]) -> str:
    machine_id = fields.get("machine_id")
    if not isinstance(machine_id, str) or not machine_id:
        return "unknown"
    # Half of a surrogate pair, which JSON may hold, could not be written out again.
    return machine_id[:_MACHINE_CHARACTERS].encode(errors="replace").decode()


def _refuse(error: GatewayError, before: str = "") -> Refuse:
    return Refuse(json.dumps({"error": f"{before}{error}"}), error)


def _as_json(event: RecordingTranscribed) -> str:
    corrected = event.corrected or Corrected(None)
    return json.dumps(
        {
            "text": event.text,
            "segments": [
                {"text": one.text, "start": round(one.start_seconds, 3), "end": round(one.end_seconds, 3)}
                for one in event.segments
            ],
            "language": event.language or _DEFAULT_LANGUAGE,
            "postprocessed_text": corrected.text,
            "postprocess_ms": round((corrected.seconds or 0) * 1000),
            "postprocess_error": corrected.error,
        },
        ensure_ascii=False,
    )
