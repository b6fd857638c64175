"""JSON bodies: what they must be, said when they are not."""

import json
from typing import Any

from aiohttp import web

from frontend.errors import ClientError, MediaTypeError
from frontend.media import json_audio
from frontend.rest.uploads import Upload, take_all

_MAX_BYTES = 1 << 20


async def json_object(request: web.Request) -> dict[str, Any]:
    if request.content_type not in ("application/json", "application/octet-stream", "text/plain"):
        raise MediaTypeError("send application/json")
    with Upload(request, _MAX_BYTES) as upload:
        await take_all(request, upload)
        data = upload.file.content()
    if not json_audio.is_simple(data):
        raise ClientError(f"the body has more than {json_audio.MOST_MARKS} parts")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as e:
        raise ClientError("the body is not valid JSON") from e
    if not isinstance(body, dict):
        raise ClientError("the body must be a JSON object")
    return body


def text_of(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise ClientError(f"{key} must be a string")
    return value
