"""Deepgram's prerecorded API: a recording to text in one answer."""

import asyncio
import hashlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED
from frontend.errors import AudioError, ClientError, UnavailableError
from frontend.memory.memory_file import MemoryFile
from frontend.protocols.deepgram_form import Query, QueryError, alternative, model_info
from frontend.rest.bodies import json_object, text_of
from frontend.rest.departure import stops_when_left
from frontend.rest.fetching import fetch
from frontend.rest.uploads import Upload, decoded, limit_bytes, take_all
from frontend.speech import ASR, VAD, Decoding, Manifest
from frontend.tasks.files.transcription import HeardSegment, Transcription, TranscriptionOptions, transcribe_recording
from frontend.telemetry.logs import Log

# Bare samples: what a WAV's header says of each, its kind and the bits of a sample.
_BARE: Mapping[str, tuple[int, int]] = {"linear16": (1, 16), "alaw": (6, 8), "mulaw": (7, 8)}


@stops_when_left
async def listen(request: web.Request) -> web.StreamResponse:
    shared = request.app[SHARED]
    speech = shared.asked_by(request[REQUEST_ID], (VAD, ASR))
    recogniser = speech.manifest(ASR)
    if recogniser is None:
        raise UnavailableError("the models are not ready yet, try again soon")
    query = Query(request.query)
    if ignored := query.check():
        Log("rest", request[REQUEST_ID]).info("these change nothing here", parameters=" ".join(ignored))
    decoding = Decoding(_language(query, recogniser))
    header = _header(query)
    with Upload(request, limit_bytes(request)) as upload:
        if header:
            upload.add(header)
        await _take(request, upload)
        if upload.file.size_bytes <= len(header):
            raise AudioError("the body holds no audio")
        digest = await asyncio.to_thread(_sha256, upload.file, len(header))
        async with decoded(request, upload) as recording:
            options = TranscriptionOptions.of(shared.options.recognition, decoding)
            heard = await transcribe_recording(recording.samples, speech, options)
    metadata = _metadata(recogniser, digest, heard.duration_seconds)
    results = await asyncio.to_thread(_results, query, heard)
    headers = {"dg-request-id": metadata["request_id"]}
    return web.json_response({"metadata": metadata, "results": results}, headers=headers)


async def _take(request: web.Request, upload: Upload) -> None:
    """The recording, or what it was named by."""
    if request.content_type != "application/json":
        await take_all(request, upload)
        return
    origins = request.app[SHARED].options.deepgram.url_origins
    if not origins:
        raise ClientError("url is not supported here: send the recording itself as the body")
    await fetch(text_of(await json_object(request), "url"), origins, upload)


def _metadata(recogniser: Manifest, digest: str, seconds: float) -> dict[str, Any]:
    model_uuid, info = model_info(recogniser)
    return {
        "transaction_key": "deprecated",
        "request_id": str(uuid.uuid4()),
        "sha256": digest,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration": round(seconds, 3),
        "channels": 1,
        "models": [model_uuid],
        "model_info": {model_uuid: info},
    }


def _language(query: Query, recogniser: Manifest) -> str | None:
    return None if query.flag("detect_language") else query.language(recogniser.languages) or None


def _header(query: Query) -> bytes:
    """That of a WAV, where the query says that the body has none; of a length that nobody knows yet."""
    if query.flag("multichannel"):
        raise QueryError("multichannel is not supported here: leave it out, and the channels are mixed")
    encoding = query.text("encoding").lower()
    if encoding not in _BARE:
        return b""
    rate, channels = query.whole("sample_rate", 8000, 48_000), query.whole("channels", 1, 16) or 1
    if rate is None:
        raise QueryError("encoding needs sample_rate")
    kind, bits = _BARE[encoding]
    block = channels * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * block, block, bits)
    endless = b"\xff" * 4
    return b"RIFF" + endless + b"WAVE" + form + b"data" + endless


def _sha256(file: MemoryFile, start: int) -> str:
    return hashlib.sha256(file.view()[start:]).hexdigest()


def _results(query: Query, heard: Transcription) -> dict[str, Any]:
    spoken = alternative(heard.words, query.punctuated)
    channel: dict[str, Any] = {"alternatives": [spoken]}
    if query.multi:
        spoken["languages"] = [heard.language] if heard.language else []
    if query.flag("detect_language") and heard.language:
        channel["detected_language"] = heard.language
    results: dict[str, Any] = {"channels": [channel]}
    if query.flag("utterances"):
        results["utterances"] = _utterances(heard.segments, query.punctuated)
    return results


def _utterances(segments: Sequence[HeardSegment], punctuated: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid.uuid4()),
            "start": round(segment.start_seconds, 3),
            "end": round(segment.end_seconds, 3),
            "channel": 0,
            **alternative(segment.words, punctuated),
        }
        for segment in segments
    ]


ROUTES = (web.post("/v1/listen", listen),)
