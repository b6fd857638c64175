"""The speech summary of a recording over HTTP."""

import json
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED
from frontend.machines.summary import FRAME_MS
from frontend.media.decoder import Recording
from frontend.rest.uploads import recording_from_file, recording_from_samples
from frontend.speech import VAD
from frontend.tasks.summary import summarise_recording


async def from_file(request: web.Request) -> web.Response:
    return await _summary(request, recording_from_file(request))


async def from_samples(request: web.Request) -> web.Response:
    return await _summary(request, recording_from_samples(request))


async def _summary(request: web.Request, upload: AbstractAsyncContextManager[Recording]) -> web.Response:
    shared = request.app[SHARED]
    speech = shared.asked_by(request[REQUEST_ID], (VAD,))
    async with upload as recording:
        summary = await summarise_recording(recording, speech, shared.thresholds)
    head = json.dumps(
        {
            "background_length": summary.background_seconds,
            "speech_signal_length": summary.speech_seconds,
            "total_length": summary.total_seconds,
        }
    )
    result = f'"vad_result":{{"frame_length_ms":{float(FRAME_MS)},"frames":['.encode()
    body = head[:-1].encode() + b"," + result + summary.flags() + b"]}}"
    return web.Response(body=body, content_type="application/json")


ROUTES = (
    web.post("/speech_summary_engine/get_speech_summary_from_file", from_file),
    web.post("/speech_summary_engine/get_speech_summary_from_samples", from_samples),
)
