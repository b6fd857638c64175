"""On a port without an owner the first frame says whose it is."""

import pytest

from frontend.dialogue.messages import LARGE_BYTES
from frontend.protocols.first_frame import FirstFrame
from frontend.protocols.live import LiveTranscription
from frontend.protocols.whisper import Whisper
from tests.frontend.conversations import context
from tests.frontend.media.test_json_audio import LABORIOUS
from tests.frontend.scripted_socket import raw


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (b'{"type": "stop"}', Whisper),
        (b'{"config": {}}', LiveTranscription),
        (b'{"config": ', LiveTranscription),
        (b"eof", LiveTranscription),
        (b"[1]", LiveTranscription),
        (b"\0\0" * 1600, LiveTranscription),
        (b"", LiveTranscription),
        (LABORIOUS["wide"], Whisper),
        (LABORIOUS["deep"], LiveTranscription),
    ],
)
def test_the_first_frame_decides_without_being_read_in_vain(data: bytes, protocol: type) -> None:
    assert isinstance(FirstFrame(context()).settled(raw(data.decode())), protocol)


@pytest.mark.parametrize(("begins", "protocol"), [(b'{"audio": "', Whisper), (b"\0\0", LiveTranscription)])
def test_of_a_message_in_a_file_the_first_byte_decides(begins: bytes, protocol: type) -> None:
    message = raw(begins.ljust(LARGE_BYTES + 1))
    assert isinstance(FirstFrame(context()).settled(message), protocol)
    message.close()


def test_the_upgrade_already_names_the_recording_that_may_be_made() -> None:
    conversation = FirstFrame(context())
    live = conversation.settled(raw(b""))
    assert dict(conversation.headers()) == dict(live.headers())
    assert "X-Transcription-Id" in live.headers()
