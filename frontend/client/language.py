"""Which language a recording is in: its bytes, then one answer."""

from frontend.client.command import Command
from frontend.client.connection import connected
from frontend.client.errors import InputError, ServerError
from frontend.client.recording import Recording
from frontend.client.screen import Screen

# The server begins with so many bytes.
MIN_BYTES = 20_000


async def run(command: Command, screen: Screen) -> None:
    assert command.file
    recording = Recording(command.file)
    content = _content(recording)
    async with connected(command, "/ws", screen) as connection:
        await connection.send_whole(content, recording.size)
        answer = await connection.answer_fields()
    if answer.get("status") != "success":
        raise ServerError(str(answer.get("message")))
    data = answer.get("data") or {}
    screen.result(f"{data.get('language')} {data.get('confidence')}")


def _content(recording: Recording) -> bytes:
    """The file; one that is well compressed is decoded, for the server waits until it has enough bytes."""
    content = recording.content()
    if len(content) < MIN_BYTES:
        content = recording.wav()
    if len(content) < MIN_BYTES:
        raise InputError(f"the recording is too short: the server needs {MIN_BYTES} bytes, about 0.6 seconds")
    return content
