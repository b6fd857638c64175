"""Multipart forms of one file and small fields beside it, in whatever order they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import BodyPartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from frontend.errors import ClientError, FieldError, LimitError, MediaTypeError
from frontend.rest.parts import Parts
from frontend.rest.uploads import BLOCK_BYTES, Upload, limit_bytes

_FIELD_BYTES = 64 << 10
# What a form may be larger than its file.
_BESIDE_BYTES = 1 << 20


@dataclass(frozen=True)
class Form:
    """The fields of one that was read, each with its texts in order."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str | None:
        """What was said last; None for nothing."""
        texts = self.fields.get(name)
        return texts[-1] if texts and texts[-1] else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Of a list, which comes as `name[]`, or as the name repeated."""
        return tuple(text for key in (name, f"{name}[]") for text in self.fields.get(key, ()) if text)

    def group(self, name: str) -> Mapping[str, str]:
        """Of an object, whose parts come as `name[part]`."""
        return {
            key[len(name) + 1 : -1]: texts[-1]
            for key, texts in self.fields.items()
            if key.startswith(f"{name}[") and key.endswith("]") and key != f"{name}[]"
        }


async def take_form(request: web.Request, upload: Upload, file_field: str) -> Form:
    """The whole body: the file goes into the upload, where it is held as uploads are."""
    if request.content_type != "multipart/form-data":
        raise MediaTypeError(f"send multipart/form-data with a file in the field {file_field}")
    if int(request.headers.get(hdrs.CONTENT_LENGTH) or 0) > limit_bytes(request) + _BESIDE_BYTES:
        raise LimitError(f"the body is larger than {limit_bytes(request)} bytes")
    fields: dict[str, list[str]] = {}
    try:
        async with upload.arriving():
            has_file = await _take_parts(request, upload, file_field, fields)
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError) as e:
        raise ClientError("the multipart body is malformed") from e
    if not has_file:
        raise FieldError(file_field, f"the field {file_field} is missing")
    if not upload.file.size_bytes:
        raise FieldError(file_field, "the file is empty")
    return Form(fields)


async def _take_parts(request: web.Request, upload: Upload, file_field: str, fields: dict[str, list[str]]) -> bool:
    """Whether the file was among them."""
    has_file = False
    parts = Parts(request)
    while (part := await parts.next()) is not None:
        if part.name == file_field:
            has_file = True
            await _take_file(part, upload)
        else:
            await _take_field(part, upload, fields)
    return has_file


async def _take_file(part: BodyPartReader, upload: Upload) -> None:
    if upload.file.size_bytes:
        raise ClientError("one file at a time")
    while block := await part.read_chunk(BLOCK_BYTES):
        upload.add(block)


async def _take_field(part: BodyPartReader, upload: Upload, fields: dict[str, list[str]]) -> None:
    data = b""
    while block := await part.read_chunk(BLOCK_BYTES):
        upload.skip(block)
        data += block
        if len(data) > _FIELD_BYTES:
            raise LimitError(f"a field has more than {_FIELD_BYTES} bytes")
    upload.hold(len(data))
    if part.name is not None:
        fields.setdefault(part.name, []).append(data.decode())  # UnicodeDecodeError is a ValueError
