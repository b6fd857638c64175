"""A recording that is too long for one message, sent as the file it is (a WAV as FLAC): OpenAI's API tells its text as
it is heard.
"""

import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp

from frontend.client.command import Command
from frontend.client.connection import fields, pieces, request
from frontend.client.errors import InputError, ServerError
from frontend.client.recording import Recording
from frontend.client.screen import Screen

# What is heard without a word about the language, as over the socket.
_LANGUAGE = "en"

Heard = Callable[[float], None]


async def ask(command: Command, file: Path, screen: Screen, heard: Heard) -> dict[str, Any]:
    """What the server makes of it, in the words of `/ws/transcribe`; `heard` is told how far it is."""
    if command.postprocess:
        raise InputError(f"{file} is too long to be corrected: leave --postprocess out")
    told: dict[str, Any] = {"text": "", "segments": [], "language": None}
    recording = Recording(file)
    small = file.with_suffix(".flac").name if recording.is_wav() else None
    with recording.flac() if small else _opened(file) as content:
        form = await _form(command, small or file.name, content)
        async with contextlib.aclosing(_events(command, form)) as events:
            async for event in events:
                screen.message(json.dumps(event, ensure_ascii=False))
                _take(event, told)
                screen.partial(told["text"])
                heard(told["segments"][-1]["end"] or 0.0 if told["segments"] else 0.0)
    if told["language"] is None:
        raise ServerError("the server ended the transcript unfinished")
    return told


def _take(event: Mapping[str, Any], told: dict[str, Any]) -> None:
    match event.get("type"):
        case "transcript.text.delta":
            told["text"] += str(event.get("delta"))
        case "transcript.text.segment":
            told["segments"].append({key: event.get(key) for key in ("text", "start", "end")})
        case "transcript.text.done":
            told["language"] = next(iter(event.get("languages") or ()), "")
        case None if "error" in event:
            raise ServerError(str(event["error"].get("message")))
        case None:  # a translation comes in one, and says by its English name what it is in
            told.update({key: event.get(key) for key in told}, language=_LANGUAGE)


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as e:
        raise InputError(f"cannot read {file}: {e.strerror}") from e


async def _form(command: Command, name: str, content: BinaryIO) -> aiohttp.FormData:
    form = aiohttp.FormData()
    models = fields((await request(command, "GET", "/v1/models")).decode()).get("data") or [{}]
    form.add_field("model", str(models[0].get("id")))
    form.add_field("response_format", "verbose_json")
    if command.task == "transcribe":
        form.add_field("stream", "true")
        if command.language != "auto":
            form.add_field("language", command.language or _LANGUAGE)
    form.add_field("file", content, filename=name)
    return form


async def _events(command: Command, form: aiohttp.FormData) -> AsyncGenerator[dict[str, Any], None]:
    """Of a stream of events; a plain answer is one."""
    path = f"/v1/audio/{'translations' if command.task == 'translate' else 'transcriptions'}"
    waiting = b""
    async with contextlib.aclosing(pieces(command, "POST", path, data=form)) as answer:
        async for piece in answer:
            *whole, waiting = (waiting + piece).split(b"\n\n")
            for event in whole:
                yield fields(event.decode(errors="replace").removeprefix("data: "))
    if waiting:
        yield fields(waiting.decode(errors="replace"))
