"""Whisper streaming, on the port of its name: JSON with base64 audio, streams in partials and whole files."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from frontend.dialogue.commands import Ask, Command, Refuse, Reply
from frontend.dialogue.events import Event, Failed, RecordingTranscribed
from frontend.dialogue.messages import JsonMessage, Message
from frontend.dialogue.tasks import Job
from frontend.errors import AudioError, GatewayError, ProtocolError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import SHOWN_CHARACTERS, Context, Profile, WireProtocol, language_of
from frontend.speech import ASR, RATE, VAD, Decoding
from frontend.tasks.files.buffers import StreamMemory, TranscribeBuffer
from frontend.tasks.files.jobs import TranscribeFile

_SAMPLE_BYTES = 2
# A partial is made of what has come once it is so long, and its end is kept as context of the next.
_PARTIAL_BYTES = 3 * RATE * _SAMPLE_BYTES
_CONTEXT_BYTES = RATE * _SAMPLE_BYTES
_DEFAULT_LANGUAGE = "en"


class _Stream:
    """What is buffered of one stream. The last byte may be half a sample."""

    def __init__(self, context_seconds: float) -> None:
        self.language: str | None = None
        self.memory = StreamMemory(context_seconds)
        self.start_sample = 0  # of what is buffered, in the stream
        # In one piece: of many small ones each would take more than its bytes. And the message that made a partial due.
        self._buffered = bytearray()
        self._newest: bytes | memoryview = b""

    def add(self, audio: bytes | MemoryFile) -> bool:
        """Whether a partial is due."""
        heard = audio if isinstance(audio, bytes) else audio.view()
        if len(self._buffered) + len(heard) >= _PARTIAL_BYTES:
            self._newest = heard
            return True
        self._buffered += heard
        return False

    def take(self, context_bytes: int) -> Sequence[bytes | memoryview]:
        """All whole samples; the last of them stay buffered, and half a sample."""
        pieces = [each for each in (bytes(self._buffered), self._newest) if each]
        size_bytes = sum(map(len, pieces))
        odd = size_bytes % _SAMPLE_BYTES
        rest = _end(pieces, context_bytes + odd)
        self.start_sample += (size_bytes - len(rest)) // _SAMPLE_BYTES
        self._buffered, self._newest = bytearray(rest), b""
        if odd:
            pieces[-1] = pieces[-1][:-odd]
        return pieces


class Whisper(WireProtocol):
    profile = Profile(
        "/whisper",
        "whisper",
        models=(VAD, ASR),
        message_limit="file_message_bytes",
        memory_share="files",
        json_frames=frozenset({"text", "binary"}),
    )

    def __init__(self, context: Context) -> None:
        self._recognition = context.options.recognition
        self._languages = context.manifests[ASR.name].languages
        self._stream = self._silent()
        # What the jobs under way will answer, oldest first.
        self._asked: deque[_Answer] = deque()

    def receive(self, message: Message) -> Iterator[Command]:
        if not isinstance(message, JsonMessage) or message.fields is None:
            raise ProtocolError(message.error if isinstance(message, JsonMessage) else "the message holds no JSON")
        match message.fields.get("type"):
            case "stream":
                yield from self._hear(message, message.fields)
            case "stop":
                yield from self._stop()
            case "file":
                yield from self._file(message, message.fields)
            case other:
                raise ProtocolError(f"Unknown message type: {str(other)[:SHOWN_CHARACTERS]}")

    def send(self, event: Event) -> Iterator[Command]:
        answer = self._asked.popleft()
        if isinstance(event, RecordingTranscribed):
            yield Reply(json.dumps(answer(event), ensure_ascii=False))
        elif isinstance(event, Failed):
            yield _refuse(event.error)

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        yield _refuse(error)

    def _hear(self, message: JsonMessage, fields: Mapping[str, Any]) -> Iterator[Command]:
        audio, language = _audio(message), self._language(fields)
        self._stream.language = language
        if self._stream.add(audio):
            yield self._ask(_partial, self._buffer(self._stream, _CONTEXT_BYTES, final=False))

    def _stop(self) -> Iterator[Command]:
        stream, self._stream = self._stream, self._silent()
        yield self._ask(_final, self._buffer(stream, 0, final=True))

    def _file(self, message: JsonMessage, fields: Mapping[str, Any]) -> Iterator[Command]:
        audio, decoding = _audio(message), Decoding(self._language(fields))
        yield self._ask(_file, TranscribeFile(audio, decoding, self._recognition))

    def _buffer(self, stream: _Stream, context_bytes: int, final: bool) -> TranscribeBuffer:
        start_sample, pieces = stream.start_sample, stream.take(context_bytes)
        again_samples, decoding = context_bytes // _SAMPLE_BYTES, Decoding(stream.language)
        return TranscribeBuffer(pieces, start_sample, again_samples, decoding, self._recognition, stream.memory, final)

    def _silent(self) -> _Stream:
        return _Stream(self._recognition.context_seconds)

    def _ask(self, answer: "_Answer", job: Job) -> Command:
        self._asked.append(answer)
        return Ask(job)

    def _language(self, fields: Mapping[str, Any]) -> str | None:
        value = fields.get("language")
        return None if value is None or value == "" else language_of(value, self._languages)


_Answer = Callable[[RecordingTranscribed], dict[str, Any]]


def _audio(message: JsonMessage) -> bytes | MemoryFile:
    assert message.fields is not None
    if message.audio_error:
        raise AudioError(message.audio_error)
    if message.audio is None:
        raise ProtocolError("audio must be a base64 string" if "audio" in message.fields else "audio is missing")
    return message.audio


def _refuse(error: GatewayError) -> Refuse:
    return Refuse(json.dumps({"type": "error", "message": str(error)}), error)


def _partial(heard: RecordingTranscribed) -> dict[str, Any]:
    language = heard.language or _DEFAULT_LANGUAGE
    duration = round(heard.audio_seconds, 3)
    return {"type": "transcript", "text": heard.text, "is_final": False, "language": language, "duration": duration}


def _final(heard: RecordingTranscribed) -> dict[str, Any]:
    language = heard.language or _DEFAULT_LANGUAGE
    return {"type": "transcript", "text": heard.text, "is_final": True, "language": language}


def _file(heard: RecordingTranscribed) -> dict[str, Any]:
    seconds = round(heard.processing_seconds, 3)
    segments = [
        {"start": round(one.start_seconds, 3), "end": round(one.end_seconds, 3), "text": one.text}
        for one in heard.segments
    ]
    return {
        "type": "file_transcript",
        "text": " ".join(one.text for one in heard.segments),
        "segments": segments,
        "language": heard.language or _DEFAULT_LANGUAGE,
        "duration": round(heard.audio_seconds, 3),
        "processing_time": seconds,
        "real_time_factor": round(heard.audio_seconds / seconds, 1) if seconds else 0,
    }


def _end(pieces: Sequence[bytes | memoryview], size_bytes: int) -> bytes:
    """The last bytes of them all."""
    end = b""
    for piece in reversed(pieces):
        missing = size_bytes - len(end)
        end = bytes(piece[max(0, len(piece) - missing) :]) + end
    return end
