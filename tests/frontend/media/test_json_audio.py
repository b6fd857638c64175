"""JSON that carries base64: what is read in passing, and what in a process of its own."""

from typing import Any

import pytest

from frontend.connection.reading import read_at_once, read_elsewhere
from frontend.dialogue.messages import LARGE_BYTES
from frontend.media import json_audio
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.language import LanguageDetection
from frontend.protocols.whisper import Whisper
from tests.frontend.conversations import context
from tests.frontend.scripted_socket import raw

PLAIN = b'{"type": "stream", "audio": "' + b"QUJD" * 60_000 + b'", "language": null}'
# Each takes the interpreter ten milliseconds and more.
LABORIOUS = {
    "wide": b'{"type": "file", "a": [' + b"0," * 100_000 + b"0]}",
    "many keys": b'{"type": "file"' + b"".join(b',"%d":1' % number for number in range(20_000)) + b"}",
    "deep": b"[" * 200_000,
    "escapes": b'{"type": "file", "a": "' + b"\\u0041" * 30_000 + b'"}',
}


class Elsewhere:
    """A process that opens envelopes."""

    def __init__(self) -> None:
        self.opened: list[bytes] = []

    async def envelope(self, file: MemoryFile) -> tuple[dict[str, Any], MemoryFile]:
        self.opened.append(file.content())
        return {"fields": {"type": "file"}, "error": "", "audio_error": "", "has_audio": False}, MemoryFile()


def test_a_long_text_that_is_refused_anyway_is_not_read() -> None:
    assert read_at_once(raw("\xff" * LARGE_BYTES), LanguageDetection(context())) == ""


async def opened_elsewhere(data: bytes) -> list[bytes]:
    message, media = raw(data), Elsewhere()
    if read_at_once(message, Whisper(context())) is None:
        await read_elsewhere(message, media)  # type: ignore[arg-type]
    return media.opened


@pytest.mark.parametrize("data", [b"", b"{", PLAIN], ids=["nothing", "little", "base64"])
async def test_what_takes_no_time_is_read_at_once_however_long_it_is(data: bytes) -> None:
    assert json_audio.is_simple(data)
    assert await opened_elsewhere(data) == []


@pytest.mark.parametrize("data", LABORIOUS.values(), ids=LABORIOUS)
async def test_what_takes_long_to_read_holds_nobody_up_however_short_it_is(data: bytes) -> None:
    assert await opened_elsewhere(data) == [data]
