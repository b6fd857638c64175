"""Messages as their protocols receive them: read at once where that takes no time, else elsewhere."""

import json

import pytest

from frontend.config import settings
from frontend.connection.reading import read_at_once, read_elsewhere
from frontend.dialogue.messages import LARGE_BYTES, JsonMessage, RawMessage
from frontend.errors import NotTextError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.base import WireProtocol
from frontend.protocols.language import LanguageDetection
from frontend.protocols.live import LiveTranscription
from frontend.protocols.whisper import Whisper
from frontend.telemetry.metrics import Metrics
from tests.frontend.conversations import context
from tests.frontend.fakes import budget
from tests.frontend.media_in_place import MediaInPlace
from tests.frontend.scripted_socket import raw

MANY_PARTS = json.dumps({"type": "file", "audio": "AAEC", "more": [[]] * 300})


def live() -> WireProtocol:
    return LiveTranscription(context())


def files() -> WireProtocol:
    return LanguageDetection(context())


def audio_of(message: object) -> bytes:
    assert isinstance(message, JsonMessage)
    assert isinstance(message.audio, MemoryFile)
    audio = message.audio.content()
    message.audio.close()
    return audio


def test_text_and_bytes_are_read_at_once() -> None:
    assert read_at_once(raw("grüße"), live()) == "grüße"
    assert read_at_once(raw(b"\xff"), live()) == b"\xff"


def test_a_large_message_is_bytes_for_whom_takes_no_files() -> None:
    data = bytes(LARGE_BYTES + 1)
    assert read_at_once(raw(data), live()) == data
    assert isinstance(read_at_once(raw(data), files()), MemoryFile)


def test_a_large_text_is_not_read_for_whom_refuses_it_whatever_it_says() -> None:
    assert read_at_once(raw("x" * (LARGE_BYTES + 1)), files()) == ""


def test_a_text_that_is_none_is_an_error() -> None:
    with pytest.raises(NotTextError):
        read_at_once(RawMessage("text", b"\xff", 1, budget().lease(1)), live())


def test_simple_json_is_read_at_once() -> None:
    message = read_at_once(raw('{"type": "file", "audio": "AAEC"}'), Whisper(context()))
    assert message == JsonMessage({"type": "file"}, audio=b"\0\1\2")


@pytest.mark.parametrize("message", [MANY_PARTS, " " * LARGE_BYTES + "{}"])
def test_json_that_is_large_or_of_many_parts_is_not_read_at_once(message: str) -> None:
    assert read_at_once(raw(message), Whisper(context())) is None


@pytest.mark.parametrize("padding", ["", " " * LARGE_BYTES])
async def test_it_is_read_by_a_process_of_its_own(padding: str) -> None:
    media = MediaInPlace(settings.Media(workers=1), Metrics())
    message = await read_elsewhere(raw(padding + MANY_PARTS), media)
    assert isinstance(message, JsonMessage)
    assert message.fields == {"type": "file", "more": [[]] * 300}
    assert audio_of(message) == b"\0\1\2"
    silent = await read_elsewhere(raw('{"more": ' + json.dumps([[]] * 300) + "}"), media)
    assert isinstance(silent, JsonMessage)
    assert (silent.audio, silent.error) == (None, "")
    await media.close()


async def test_where_there_is_no_such_process_it_is_read_here() -> None:
    message = await read_elsewhere(raw(MANY_PARTS), None)
    assert isinstance(message, JsonMessage)
    assert message.audio == b"\0\1\2"


class Overloaded(MediaInPlace):
    """No process is free."""

    async def envelope(self, file: MemoryFile) -> tuple[dict[str, object], MemoryFile]:
        raise NotTextError("not now")


async def test_what_could_not_be_read_elsewhere_is_told_in_the_message() -> None:
    media = Overloaded(settings.Media(workers=1), Metrics())
    assert await read_elsewhere(raw(MANY_PARTS), media) == JsonMessage(None, "not now")
    await media.close()
