"""From a message as it came to what its protocol receives: at once where that takes no time, else elsewhere."""

import contextlib

from frontend.dialogue.messages import JsonMessage, Message, RawMessage
from frontend.errors import GatewayError, NotTextError
from frontend.media import json_audio
from frontend.media.decoder import MediaDecoder
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import WireProtocol


def read_at_once(raw: RawMessage, protocol: WireProtocol) -> Message | None:
    """None where reading it would hold others up: NotTextError for a text that is none."""
    content = raw.content
    if raw.kind in protocol.profile.json_frames:
        return _opened(content) if isinstance(content, bytes) and json_audio.is_simple(content) else None
    if raw.kind == "binary":
        return content if isinstance(content, bytes) or protocol.profile.takes_files else content.content()
    if protocol.profile.takes_files and isinstance(content, MemoryFile):
        return ""  # refused whatever it says: not worth the time that reading it takes
    try:
        return raw.data().decode()
    except UnicodeDecodeError as e:
        raise NotTextError("a text message is not UTF-8") from e


async def read_elsewhere(raw: RawMessage, media: MediaDecoder | None) -> Message:
    """JSON that is large or of many parts, by a process of its own."""
    if media is None:
        return _opened(raw.data())
    if isinstance(raw.content, MemoryFile):
        return await _opened_elsewhere(raw.content, media)
    with contextlib.closing(MemoryFile()) as copy:
        copy.append(raw.content)
        return await _opened_elsewhere(copy, media)


def _opened(data: bytes) -> JsonMessage:
    envelope = json_audio.opened(data)
    return JsonMessage(envelope.fields, envelope.error, envelope.audio, envelope.audio_error)


async def _opened_elsewhere(file: MemoryFile, media: MediaDecoder) -> JsonMessage:
    try:
        answer, audio = await media.envelope(file)
    except GatewayError as e:
        return JsonMessage(None, str(e))
    if not answer["has_audio"]:
        audio.close()
    return JsonMessage(answer["fields"], answer["error"], audio if answer["has_audio"] else None, answer["audio_error"])
