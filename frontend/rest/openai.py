"""OpenAI's audio API: recordings to text, at once or as they are heard, and the models that clients may name."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

from aiohttp import hdrs, web

from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED
from frontend.errors import FieldError, GatewayError, UnavailableError
from frontend.keys.tickets import LONGEST_BYTES
from frontend.media.decoder import Recording
from frontend.protocols.realtime import Realtime
from frontend.protocols.realtime_session import Known, RealtimeSession
from frontend.rest.bodies import json_object
from frontend.rest.departure import stops_when_left
from frontend.rest.forms import take_form
from frontend.rest.openai_form import Wanted, check_model, wanted
from frontend.rest.openai_wording import StreamWording, body_of, failure
from frontend.rest.tokens import issued
from frontend.rest.uploads import Upload, decoded, limit_bytes
from frontend.speech import ASR, VAD, SpeechService, SpeechTask
from frontend.tasks.files.transcription import RecordingTranscriber, transcribe_recording
from frontend.telemetry.logs import Log

_OWNER = "triton-speech-gateway"
_LIFETIMES_SECONDS, _USUAL_SECONDS = range(10, 7201), 600


@stops_when_left
async def transcriptions(request: web.Request) -> web.StreamResponse:
    return await _answer(request, "transcribe")


@stops_when_left
async def translations(request: web.Request) -> web.StreamResponse:
    return await _answer(request, "translate")


async def models(request: web.Request) -> web.Response:
    names = request.app[SHARED].options.openai.models
    return web.json_response({"object": "list", "data": [_model(name) for name in names]})


async def model(request: web.Request) -> web.Response:
    name = request.match_info["model"]
    check_model(name, request.app[SHARED].options.openai)
    return web.json_response(_model(name))


async def client_secrets(request: web.Request) -> web.Response:
    """A short-lived key for sessions that are as the body says."""
    shared, asked = request.app[SHARED], await json_object(request)
    recogniser = shared.speech.manifest(ASR)
    if recogniser is None:
        raise UnavailableError("the models are not ready yet, try again soon")
    known = Known(shared.options.openai.models, recogniser)
    session = RealtimeSession.of(next(iter(known.models), "")).changed(asked.get("session", {}), known)
    expires = int(time.time()) + _lifetime_seconds(asked.get("expires_after", {}))
    told = session.told(f"sess_{request[REQUEST_ID]}")
    value = issued(request, expires, told, (Realtime.profile.name,))
    if len(value) > LONGEST_BYTES:
        raise FieldError("session", "the session is too large")
    return web.json_response({"value": value, "expires_at": expires, "session": told})


def _lifetime_seconds(asked: Any) -> int:
    seconds = asked.get("seconds", _USUAL_SECONDS) if isinstance(asked, dict) else None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds not in _LIFETIMES_SECONDS:
        raise FieldError("expires_after.seconds", "expires_after.seconds must be a whole number from 10 to 7200")
    return seconds


async def _answer(request: web.Request, task: SpeechTask) -> web.StreamResponse:
    shared = request.app[SHARED]
    speech = shared.asked_by(request[REQUEST_ID], (VAD, ASR))
    recogniser = speech.manifest(ASR)
    if recogniser is None:
        raise UnavailableError("the models are not ready yet, try again soon")
    with Upload(request, limit_bytes(request)) as upload:
        form = await take_form(request, upload, "file")
        asked = wanted(form, task, shared.options, recogniser)
        async with decoded(request, upload) as recording:
            tell = _stream if asked.stream else _whole
            return await tell(request, recording, speech, asked)


async def _whole(
    request: web.Request, recording: Recording, speech: SpeechService, asked: Wanted
) -> web.StreamResponse:
    heard = await transcribe_recording(recording.samples, speech, asked.options)
    kind, body = await asyncio.to_thread(body_of, asked, heard, _seconds(recording))
    return web.Response(body=body, content_type=kind, charset="utf-8")


async def _stream(
    request: web.Request, recording: Recording, speech: SpeechService, asked: Wanted
) -> web.StreamResponse:
    """As server-sent events. What fails on the way is one of them: the status has been sent."""
    transcriber, words = RecordingTranscriber(recording.samples, speech, asked.options), StreamWording(asked)
    response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-cache"})
    response.content_type, response.charset = "text/event-stream", "utf-8"
    await response.prepare(request)
    try:
        async with contextlib.aclosing(transcriber.segments()) as segments:
            async for segment in segments:
                await _until_taken(request, response.write(words.segment(segment)))
        await _until_taken(request, response.write(words.done(transcriber.language, _seconds(recording))))
    except GatewayError as e:
        Log("rest", request[REQUEST_ID]).warning("broken off", path=request.path, code=e.code, reason=str(e))
        await _until_taken(request, response.write(failure(e)))
    await _until_taken(request, response.write_eof())
    return response


async def _until_taken(request: web.Request, sending: Coroutine[Any, Any, None]) -> None:
    """Whoever does not read what is sent holds its recording no longer than this."""
    try:
        await asyncio.wait_for(sending, request.app[SHARED].options.limits.farewell_seconds)
    except TimeoutError as e:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client does not read") from e


def _seconds(recording: Recording) -> float:
    return recording.client_samples / recording.client_rate


def _model(name: str) -> dict[str, Any]:
    """When it was made is not known."""
    return {"id": name, "object": "model", "created": 0, "owned_by": _OWNER}


ROUTES = (
    web.post("/v1/audio/transcriptions", transcriptions),
    web.post("/v1/audio/translations", translations),
    web.get("/v1/models", models),
    web.get("/v1/models/{model}", model),
    web.post("/v1/realtime/client_secrets", client_secrets),
)
