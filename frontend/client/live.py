"""Live transcription: samples in, partial and final texts out, at the end the export's id."""

import asyncio
import json
import re

from frontend.client import subtitles
from frontend.client.command import Command
from frontend.client.connection import Connection, both, connected, fields, request
from frontend.client.errors import ServerError
from frontend.client.recording import BYTES_A_SECOND, RATE
from frontend.client.screen import Screen
from frontend.client.sources import Source, source
from frontend.speech import Word

CHUNK_SECONDS = 0.1
# What a key is refused with, and that there is none.
NO_KEY = "Provided api key is invalid"


async def run(command: Command, screen: Screen, stopped: asyncio.Event) -> None:
    subtitles.check(command)
    audio = source(command.file, command.fast, stopped)
    listener = _Listener(command, screen)
    async with connected(command, "/", screen) as connection:
        if command.key:
            await connection.send(json.dumps({"Authorization": command.key}))
        config: dict[str, int | str] = {"sample_rate": RATE, "finals_after_eof": True}
        if command.language:
            config["language"] = command.language
        await connection.send(json.dumps({"config": config}))
        try:
            await both(_send(connection, audio, screen), listener.listen(connection))
        finally:
            # What was said before something went wrong is not lost.
            subtitles.write(command, listener.finals)
    screen.note(f"export {listener.export_id}")
    if command.transcript_format:
        path = f"/export/transcript/{listener.export_id}?format={command.transcript_format}"
        screen.document((await request(command, "GET", path)).decode(errors="replace"))


async def _send(connection: Connection, audio: Source, screen: Screen) -> None:
    progress = screen.progress(audio.seconds)
    async for chunk in audio.chunks(CHUNK_SECONDS):
        await connection.send(chunk)
        progress.advance(len(chunk) / BYTES_A_SECOND)
    progress.close(audio.seconds)
    await connection.send(json.dumps({"eof": 1}))


class _Listener:
    """Shows what the server says, and keeps the words."""

    def __init__(self, command: Command, screen: Screen) -> None:
        self.finals: list[list[Word]] = []
        self.export_id = ""
        # The export is printed in their place.
        self._show_final = screen.note if command.transcript_format else screen.result
        self._screen = screen

    async def listen(self, connection: Connection) -> None:
        """Until the export's id, the last text; a server that could not keep all says so as it closes."""
        while not self.export_id:
            text = await connection.answer()
            if re.fullmatch(r"[0-9a-f]{32}", text):
                self.export_id = text
            elif text == NO_KEY:
                raise ServerError("a key is needed: give one that the server knows with --key")
            else:
                self._hear(text)
        await connection.receive()
        if not connection.finished:
            self._screen.note(f"export {self.export_id}")
            raise connection.ended()

    def _hear(self, text: str) -> None:
        said = fields(text)
        if "partial" in said:
            self._screen.partial(str(said["partial"]).strip())
        elif isinstance(said.get("result"), list):
            self.finals.append(subtitles.of_final(said))
            self._show_final(str(said.get("text") or "").strip())
        else:
            raise ServerError(str(said.get("error") or said.get("message") or text[:200]))
