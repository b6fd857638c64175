"""JSON that carries base64: read in the event loop where that is quickly done, in a process of its own where not."""

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_JSON = "invalid JSON"
NOT_AN_OBJECT = "the message is not a JSON object"
NOT_BASE64 = "audio is not valid base64"

_WHITE_SPACE = b" \t\r\n\v\f"
# Each begins, parts or escapes something: what has few of them is read in well under a millisecond.
_MARKS = (b",", b"[", b"{", b"\\")
MOST_MARKS = 256


@dataclass(frozen=True)
class Envelope:
    """A JSON object, with the field `audio` out of its base64; or what it is instead."""

    fields: Mapping[str, Any] | None = None
    error: str = ""
    audio: bytes | None = None
    audio_error: str = ""


def is_simple(data: bytes) -> bool:
    """Whether it takes no time to read: base64 does not, however long; a message of many parts does."""
    return sum(map(data.count, _MARKS)) <= MOST_MARKS


def opened(data: bytes) -> Envelope:
    try:
        fields = json.loads(data.decode())
    except (ValueError, RecursionError):
        return Envelope(error=NOT_JSON)
    if not isinstance(fields, dict):
        return Envelope(error=NOT_AN_OBJECT)
    text = fields.get("audio")
    if not isinstance(text, str):
        return Envelope(fields)
    del fields["audio"]
    try:
        return Envelope(fields, audio=_from_base64(text))
    except ValueError:
        return Envelope(fields, audio_error=NOT_BASE64)


def _from_base64(text: str) -> bytes:
    """As browsers and mail programs write it, too: after `data:…;base64,`, in lines, without its padding."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    data = text.encode("ascii").translate(None, _WHITE_SPACE).rstrip(b"=")
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)
