"""Voice templates: a voiceprint as text that clients keep.

Base64 of: magic and format version · identity of the embedding model · the vector's size · seconds of speech · the
vector · CRC-32 of all that. The first format lacked the seconds; its templates are still read.
"""

import base64
import binascii
import math
import struct
import zlib

import numpy as np

from frontend.errors import AudioError
from frontend.speech import Manifest, Voiceprint

IDENTITY_BYTES = 16
FIRST_FORMAT, FORMAT = b"VTP1", b"VTP2"
_HEADERS = {
    FIRST_FORMAT: struct.Struct(f"<4s{IDENTITY_BYTES}sH"),
    FORMAT: struct.Struct(f"<4s{IDENTITY_BYTES}sHf"),
}
# Of a template that does not say: a sentence or two, as most are made of. To know better, create it anew.
UNTOLD_SPEECH_SECONDS = 5.0
_MAX_TEXT = 1 << 16


def save(voice: Voiceprint) -> str:
    """The template of a voice as text."""
    identity = bytes.fromhex(voice.manifest.identity)
    header = _HEADERS[FORMAT].pack(FORMAT, identity, len(voice.vector), voice.speech_seconds)
    content = header + voice.vector.astype("<f4").tobytes()
    return base64.b64encode(content + struct.pack("<I", zlib.crc32(content))).decode()


def load(text: str, manifest: Manifest) -> Voiceprint:
    """The voice in a template; AudioError when it is damaged or of another model than the one that serves."""
    content = _unwrap(text)
    header = _HEADERS[content[:4]]
    _magic, made_by, size, *told = header.unpack_from(content)
    if made_by.hex() != manifest.identity:
        raise AudioError("the voice template was made by another version of the embedding model: create it anew")
    vector = np.frombuffer(content, "<f4", offset=header.size).astype(np.float32)
    seconds = told[0] if told else UNTOLD_SPEECH_SECONDS
    whole = len(vector) == size == manifest.dimensions and bool(np.isfinite(vector).all())
    if not whole or not 0.99 < float(np.linalg.norm(vector)) < 1.01 or not 0 < seconds < math.inf:
        raise AudioError("the voice template does not hold a voice")
    return Voiceprint(vector, manifest, seconds)


def _unwrap(text: str) -> bytes:
    text = text.strip().strip("\"'").strip()
    if not text or len(text) > _MAX_TEXT:
        raise AudioError("not a voice template")
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as e:
        raise AudioError("the voice template is not base64") from e
    # Bits that base64 ignores at its end are damage as well.
    if base64.b64encode(content).decode() != text:
        raise AudioError("the voice template is damaged")
    header = _HEADERS.get(content[:4])
    if header is None or len(content) < header.size + 4:
        raise AudioError("not a voice template of this gateway")
    body, checksum = content[:-4], content[-4:]
    if struct.pack("<I", zlib.crc32(body)) != checksum or (len(body) - header.size) % 4:
        raise AudioError("the voice template is damaged")
    return body
