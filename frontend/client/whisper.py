"""A whole file in one message, or a stream of samples in many; both as base64 inside JSON."""

import asyncio
import base64
import json
from typing import Any

from frontend.client import subtitles
from frontend.client.command import Command
from frontend.client.connection import Connection, both, connected
from frontend.client.errors import ServerError
from frontend.client.recording import BYTES_A_SECOND, Recording
from frontend.client.screen import Screen
from frontend.client.sources import Source, source

CHUNK_SECONDS = 0.5


async def run(command: Command, screen: Screen, stopped: asyncio.Event) -> None:
    if command.stream:
        audio = source(command.file, command.fast, stopped)
        async with connected(command, "/", screen) as connection:
            await both(_send(command, connection, audio, screen), _print(connection, screen))
        return
    assert command.file
    subtitles.check(command)
    recording = Recording(command.file)
    message = _message(command, "file", recording.content(), command.file.suffix.strip(".").lower())
    async with connected(command, "/", screen) as connection:
        await connection.send_whole(message, recording.size)
        screen.note(f"sent {recording.size}, waiting for the transcript")
        answer = _told(await connection.answer_fields())
    screen.result(str(answer.get("text") or ""))
    subtitles.write(command, [subtitles.of_segment(segment) for segment in answer.get("segments") or ()])


async def _send(command: Command, connection: Connection, audio: Source, screen: Screen) -> None:
    progress = screen.progress(audio.seconds)
    async for chunk in audio.chunks(CHUNK_SECONDS):
        await connection.send(_message(command, "stream", chunk))
        progress.advance(len(chunk) / BYTES_A_SECOND)
    progress.close(audio.seconds)
    await connection.send(json.dumps({"type": "stop"}))


async def _print(connection: Connection, screen: Screen) -> None:
    """Each text covers what was new, and a second before it: a line each."""
    final = False
    while not final:
        answer = _told(await connection.answer_fields())
        final = bool(answer.get("is_final"))
        if answer.get("text"):
            screen.result(str(answer["text"]))


def _message(command: Command, kind: str, audio: bytes, container: str = "") -> str:
    hint = {"format": container} if container else {}
    encoded = base64.b64encode(audio).decode()
    return json.dumps({"type": kind, "audio": encoded, "language": command.language, **hint})


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("type") == "error":
        raise ServerError(str(answer.get("message")))
    return answer
