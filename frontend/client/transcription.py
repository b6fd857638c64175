"""One recording to text: its description, its WAV, then one answer; what is too long for that is uploaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frontend.client import subtitles, upload
from frontend.client.command import Command
from frontend.client.connection import connected
from frontend.client.errors import ServerError
from frontend.client.recording import Recording
from frontend.client.screen import Screen
from frontend.speech import Word

# What a gateway takes in one message, unless it is configured otherwise.
MESSAGE_BYTES = 64 * 2**20


async def run(command: Command, screen: Screen) -> None:
    assert command.file
    subtitles.check(command)
    answer = await ask(command, command.file, screen)
    screen.result(text(answer))
    subtitles.write(command, words(answer))


async def ask(
    command: Command, file: Path, screen: Screen, heard: upload.Heard = lambda seconds: None
) -> dict[str, Any]:
    """What the server makes of it. Of a long one `heard` is told how many seconds have been."""
    recording = Recording(file)
    if recording.wav_bytes() > MESSAGE_BYTES:
        return await upload.ask(command, file, screen, heard)
    wav = recording.wav()
    if len(wav) > MESSAGE_BYTES:  # which its container did not know
        return await upload.ask(command, file, screen, heard)
    async with connected(command, "/ws/transcribe", screen) as connection:
        await connection.send(json.dumps(_description(command)))
        await connection.send_whole(wav, recording.size)
        if not command.folders:
            screen.note(f"sent {recording.size}, waiting for the transcript")
        answer = await connection.answer_fields()
    if "error" in answer:
        raise ServerError(str(answer["error"]))
    if answer.get("postprocess_error"):
        screen.note(f"not corrected: {answer['postprocess_error']}")
    return answer


def text(answer: Mapping[str, Any]) -> str:
    return str(answer.get("postprocessed_text") or answer.get("text") or "")


def words(answer: Mapping[str, Any]) -> list[list[Word]]:
    return [subtitles.of_segment(segment) for segment in answer.get("segments") or ()]


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
