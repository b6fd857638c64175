"""Exports over HTTP: the list, transcripts in four formats, the audio as it came, and deleting.

The answers to unknown ids are those of the service whose clients ask here.
"""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import hdrs, web

from frontend.connection.shared import SHARED
from frontend.errors import ClientError, ForbiddenError, NotFoundError, UnauthorizedError
from frontend.recordings import subtitles
from frontend.recordings.archive import Exports
from frontend.recordings.disabled import NoExports
from frontend.recordings.record import HEADER_BYTES, Access, Record, WavReader, is_id
from frontend.recordings.transcript import words_of
from frontend.rest.entrance import CALLER


async def listing(request: web.Request) -> web.Response:
    """What the key made; all there is for who asks from this machine without one."""
    if request[CALLER].by_ticket:
        raise ForbiddenError("a token opens exports whose id is known, not the list")
    if request[CALLER].key_name is None and not request.app[SHARED].door.is_from_here(request):
        raise UnauthorizedError("the list needs a key")
    reach = Access(request[CALLER].key_name, everybodys=request[CALLER].key_name is None)
    records = await request.app[SHARED].exports.records(reach)
    return web.Response(body=await asyncio.to_thread(_described, records), content_type="application/json")


async def transcript(request: web.Request) -> web.Response:
    wanted = request.query.get("format", "json")
    if wanted not in _FORMATS:
        raise ClientError(f"format must be one of {', '.join(_FORMATS)}")
    exports = request.app[SHARED].exports
    try:
        lines = await exports.transcript(await _find(exports, request))
    except NotFoundError:
        return web.Response(text="Transcription ID not found", status=404)
    kind, render = _FORMATS[wanted]
    return web.Response(body=await asyncio.to_thread(render, lines), content_type=kind, charset="utf-8")


async def audio(request: web.Request) -> web.Response:
    exports = request.app[SHARED].exports
    try:
        record = await _find(exports, request)
        reader = await exports.audio(record)
    except NotFoundError:
        return _no_file()
    return web.Response(
        body=_blocks(exports, reader),
        content_type="audio/wav",
        headers={
            hdrs.CONTENT_LENGTH: str(HEADER_BYTES + record.audio_bytes),
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="{record.export_id}.wav"',
        },
    )


async def delete(request: web.Request) -> web.Response:
    exports = request.app[SHARED].exports
    try:
        record = await _find(exports, request)
    except NotFoundError:
        return _no_file()
    if record.state == "running":
        return web.json_response({"error": "The stream is still running"}, status=409)
    await exports.delete(record)
    return web.Response(status=204)


async def _find(exports: Exports | NoExports, request: web.Request) -> Record:
    """What the key made; anything where nobody needs a key."""
    export_id = request.match_info["id"]
    if not is_id(export_id):
        raise NotFoundError("an id has 32 hexadecimal characters")
    reach = Access(request[CALLER].key_name, everybodys=not request.app[SHARED].door.keys)
    return await exports.find(export_id, reach)


async def _blocks(exports: Exports | NoExports, reader: WavReader) -> AsyncIterator[bytes]:
    try:
        while block := await exports.read(reader):
            yield block
    finally:
        reader.close()


def _described(records: list[Record]) -> bytes:
    return json.dumps(
        [
            {
                "id": record.export_id,
                "start": datetime.datetime.fromtimestamp(record.started, datetime.UTC).isoformat(
                    timespec="milliseconds"
                ),
                "seconds": round(record.seconds, 3),
                "state": record.state,
            }
            for record in records
        ]
    ).encode()


def _no_file() -> web.Response:
    return web.json_response({"error": "File not found"}, status=404)


def _finals(lines: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.splitlines()]


def _json(lines: bytes) -> bytes:
    return b"[" + b",".join(lines.removesuffix(b"\n").split(b"\n")) + b"]"


def _txt(lines: bytes) -> bytes:
    return subtitles.plain(final["text"] for final in _finals(lines)).encode()


def _srt(lines: bytes) -> bytes:
    return subtitles.srt(subtitles.cues(map(words_of, _finals(lines)))).encode()


def _vtt(lines: bytes) -> bytes:
    return subtitles.vtt(subtitles.cues(map(words_of, _finals(lines)))).encode()


_FORMATS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "json": ("application/json", _json),
    "txt": ("text/plain", _txt),
    "srt": ("application/x-subrip", _srt),
    "vtt": ("text/vtt", _vtt),
}

ROUTES = (
    web.get("/export", listing),
    web.get("/export/transcript/{id}", transcript),
    web.get("/export/audio/{id}", audio),
    web.delete("/export/{id}", delete),
)
