"""`/ws`: in which language is this recording?"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from frontend.dialogue.commands import Alarm, Audio, Command, HangUp, Refuse, Reply, Start
from frontend.dialogue.events import Event, Failed, LanguageDetected, TimedOut
from frontend.dialogue.messages import Message
from frontend.errors import ClientError, GatewayError, ProtocolError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import Context, Profile, WireProtocol
from frontend.speech import LANGUAGE_ID, VAD
from frontend.tasks.files.detection import DetectLanguage


@dataclass(frozen=True)
class _Stamped:
    """An object that says when it was sent."""

    fields: Mapping[str, Any]
    connection_id: str

    def encode(self) -> bytes:
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        return json.dumps({**self.fields, "timestamp": now, "connection_id": self.connection_id}).encode()


class LanguageDetection(WireProtocol):
    """Binary frames are one media file, in pieces; one answer, and the conversation is over."""

    profile = Profile(
        "/ws",
        "language_detection",
        models=(VAD, LANGUAGE_ID),
        message_limit="file_message_bytes",
        memory_share="files",
        takes_files=True,
    )

    def __init__(self, context: Context) -> None:
        self._id = context.caller.connection_id
        self._options = context.options
        self._received_bytes = 0

    def begin(self) -> Iterator[Command]:
        yield Start(DetectLanguage(self._options.language_detection, self._options.recognition))
        yield Alarm(self._options.language_detection.wait_seconds)

    def receive(self, message: Message) -> Iterator[Command]:
        if isinstance(message, bytes | MemoryFile):
            yield Audio(message, answered=False)
            yield from self._count(len(message) if isinstance(message, bytes) else message.size_bytes)
        else:
            yield from self.refuse(ProtocolError("send audio in binary frames, not text"))

    def send(self, event: Event) -> Iterator[Command]:
        if isinstance(event, Failed):
            yield from self.refuse(event.error)
        elif isinstance(event, TimedOut):
            wanted_bytes = self._options.language_detection.min_bytes
            received = f"{self._received_bytes} of {wanted_bytes} bytes received"
            yield from self.refuse(ClientError(f"Not enough audio data: {received}"))
        elif isinstance(event, LanguageDetected):
            data = {
                "language": event.language,
                "confidence": round(event.probability, 4),
                "processing_time": round(event.processing_seconds, 2),
                "connection_id": self._id,
            }
            yield Reply(_Stamped({"status": "success", "data": data}, self._id))
            yield HangUp()

    def _count(self, size_bytes: int) -> Iterator[Command]:
        """Whoever has sent too little has so long for more, from each message on."""
        self._received_bytes += size_bytes
        options = self._options.language_detection
        if size_bytes:
            yield Alarm(None if self._received_bytes >= options.min_bytes else options.wait_seconds)

    def refuse(self, error: GatewayError) -> Iterator[Command]:
        yield Refuse(_Stamped({"status": "error", "message": str(error)}, self._id), error)
        yield HangUp()
