"""Audio in a request's body: a multipart file, or bare samples."""

from aiohttp import BodyPartReader, web

from frontend.errors import AudioError, ClientError, LimitError
from frontend.media import Recording
from frontend.rest.service import SERVICE, Service

_PARTS = ("wav_file", "audio_file")
_RATES = range(8000, 96_001)


class MediaTypeError(ClientError):
    """A body of a kind that the endpoint does not take."""

    code = "media_type"
    status = 415


async def recording_from_file(request: web.Request) -> Recording:
    """The multipart part `wav_file` or `audio_file`, in any format."""
    if not request.content_type.startswith("multipart/"):
        raise MediaTypeError("send multipart/form-data with the part wav_file or audio_file")
    service = request.app[SERVICE]
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if isinstance(part, BodyPartReader) and part.name in _PARTS:
                return await _decode(service, part)
    except (ValueError, AssertionError) as e:
        raise ClientError("the multipart body is malformed") from e
    raise ClientError("the part wav_file or audio_file is missing")


async def recording_from_samples(request: web.Request) -> Recording:
    """A body of 16-bit samples; their rate stands in the query."""
    if request.content_type != "application/octet-stream":
        raise MediaTypeError("send application/octet-stream with 16-bit little-endian samples")
    text = request.query.get("sample_rate", "")
    try:
        rate = float(text)
    except ValueError as e:
        raise ClientError("the query parameter sample_rate is missing or not a number") from e
    if rate not in _RATES:
        raise ClientError("sample_rate must be a whole number from 8000 to 96000")
    service = request.app[SERVICE]
    data = bytearray()
    try:
        async for block in request.content.iter_any():
            _take(service, data, block)
        if len(data) < 2:
            raise AudioError("the body holds no samples")
        return await service.media.decode_pcm(bytes(data), int(rate))
    finally:
        service.held.give_back(len(data))


async def _decode(service: Service, part: BodyPartReader) -> Recording:
    data = bytearray()
    try:
        while block := await part.read_chunk(1 << 16):
            _take(service, data, block)
        return await service.media.decode_file(bytes(data))
    finally:
        service.held.give_back(len(data))


def _take(service: Service, data: bytearray, block: bytes) -> None:
    """Keep a block of an upload, within its limit and the budget of all."""
    if len(data) + len(block) > service.options.limits.upload_bytes:
        raise LimitError(f"the upload is larger than {service.options.limits.upload_bytes} bytes")
    service.held.take(len(block))
    data += block
