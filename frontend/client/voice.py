"""The three voice sockets: parameters, then samples; one answer to each message, in order."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from frontend.client.command import Command
from frontend.client.connection import Connection, connected
from frontend.client.enrolment import template
from frontend.client.errors import InputError, ServerError
from frontend.client.recording import BYTES_A_SECOND, RATE
from frontend.client.screen import Screen
from frontend.client.sources import Source, source

# So many messages may be on their way before an answer is awaited; with the microphone none.
AHEAD = 32
# What is compared at once where --window says nothing.
WINDOW_SECONDS = 3.0
_RATE = {"the sampling rate": str(RATE)}


@dataclass(frozen=True)
class _Stream:
    path: str
    # By what the user calls them.
    parameters: Mapping[str, str]
    chunk_seconds: float


async def endpoint(command: Command, screen: Screen, stopped: asyncio.Event) -> None:
    parameters = {"--minimum-ms": str(command.minimum_ms), "--silence-ms": str(command.silence_ms), **_RATE}
    stream = _Stream("/speech_endpoint_detector", parameters, 0.1)
    async with contextlib.aclosing(_answers(command, screen, stream, stopped)) as answers:
        async for seconds, ended in answers:
            if ended is True:
                screen.result(f"the utterance ended before {seconds:.1f} s")
                return
    screen.result("no end of an utterance")


async def summary(command: Command, screen: Screen, stopped: asyncio.Event) -> None:
    # Each answer lists all frames so far: few answers, unless somebody speaks.
    stream = _Stream("/speech_summary_stream", _RATE, 1.0 if command.file is None else 16.0)
    last: dict[str, Any] = {}
    async for _seconds, last in _answers(command, screen, stream, stopped):
        screen.partial(_summarised(last))
    screen.result(_summarised(last) if last else "no audio")


def _summarised(answer: dict[str, Any]) -> str:
    try:
        sums = answer["current_speech_summary"]
        total, background = sums["total_length"], sums["background_length"]
        return f"speech {answer['speech_length']:.2f} s, background {background:.2f} s, total {total:.2f} s"
    except (KeyError, TypeError, ValueError) as e:
        raise ServerError("not a speech summary") from e


async def verify(command: Command, screen: Screen, stopped: asyncio.Event) -> None:
    parameters = {"the template": await template(command), **_RATE, "--averaging": str(command.averaging)}
    if command.window is not None:
        parameters["--window"] = str(command.window)
    compared, heard_seconds = 0, 0.0
    async for seconds, answer in _answers(command, screen, _Stream("/voice_verify_stream", parameters, 0.5), stopped):
        heard_seconds = seconds
        for each in answer:
            compared += 1
            screen.result(_verified(each))
    if not compared:
        raise InputError(f"nothing was compared: {_too_little(command, heard_seconds)}")


def _too_little(command: Command, seconds: float) -> str:
    window_seconds = command.window or min(WINDOW_SECONDS, command.averaging)
    if seconds < window_seconds:
        return f"{seconds:.1f} s of audio are less than a window of {window_seconds:g} s (--window takes less)"
    return f"no window of {window_seconds:g} s held enough speech"


def _verified(each: dict[str, Any]) -> str:
    try:
        seconds, result = each["audio_interval"]["end_time"] / 1000, each["verify_result"]
        return f"{seconds:.1f} s probability {result['probability']:.3f} score {result['score']:.3f}"
    except (KeyError, TypeError, ValueError) as e:
        raise ServerError("not a verification") from e


async def _answers(
    command: Command, screen: Screen, stream: _Stream, stopped: asyncio.Event
) -> AsyncGenerator[tuple[float, Any], None]:
    """For each chunk the seconds up to its end, and what the server says to it."""
    audio = source(command.file, True, stopped)
    async with connected(command, stream.path, screen) as connection:
        for name, parameter in stream.parameters.items():
            await connection.send(parameter)
            if await connection.answer() != "200":
                raise ServerError(f"the server refused {name}; its log says why")
        async with contextlib.aclosing(_conversation(connection, audio, stream.chunk_seconds, screen)) as answers:
            async for answer in answers:
                yield answer


async def _conversation(
    connection: Connection, audio: Source, chunk_seconds: float, screen: Screen
) -> AsyncGenerator[tuple[float, Any], None]:
    progress = screen.progress(audio.seconds)
    under_way: list[float] = []
    sent_seconds = 0.0
    async for chunk in audio.chunks(chunk_seconds):
        await connection.send(chunk)
        progress.advance(len(chunk) / BYTES_A_SECOND)
        sent_seconds += len(chunk) / BYTES_A_SECOND
        under_way.append(sent_seconds)
        if audio.live or len(under_way) > AHEAD:
            yield under_way.pop(0), await _answer(connection)
    progress.close(audio.seconds)
    for seconds in under_way:
        yield seconds, await _answer(connection)


async def _answer(connection: Connection) -> Any:
    text = await connection.answer()
    if text == "500":
        raise ServerError("the server could not use the audio; its log says why")
    try:
        return json.loads(text)
    except ValueError as e:
        raise ServerError(f"not an answer of this protocol: {text[:80]!r}") from e
