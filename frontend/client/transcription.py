"""One recording to text: its description, its WAV, then one answer."""

import json

from frontend.client import subtitles
from frontend.client.command import Command
from frontend.client.connection import connected
from frontend.client.errors import ServerError
from frontend.client.recording import Recording
from frontend.client.screen import Screen


async def run(command: Command, screen: Screen) -> None:
    assert command.file
    subtitles.check(command)
    recording = Recording(command.file)
    wav = recording.wav()
    async with connected(command, "/ws/transcribe", screen) as connection:
        await connection.send(json.dumps(_description(command)))
        await connection.send_whole(wav, recording.size)
        screen.note(f"sent {recording.size}, waiting for the transcript")
        answer = await connection.answer_fields()
    if "error" in answer:
        raise ServerError(str(answer["error"]))
    if answer.get("postprocess_error"):
        screen.note(f"not corrected: {answer['postprocess_error']}")
    screen.result(answer.get("postprocessed_text") or answer.get("text") or "")
    subtitles.write(command, [subtitles.of_segment(segment) for segment in answer.get("segments") or ()])


def _description(command: Command) -> dict[str, str | bool]:
    """Without what the user left to the server."""
    described = {
        "type": "transcribe",
        "language": command.language,
        "task": command.task,
        "api_key": command.key,
        "machine_id": command.machine_id,
        "postprocess": command.postprocess,
    }
    return {key: value for key, value in described.items() if value is not None}
