"""Voice templates: a voiceprint as text that clients keep.

Base64 of: magic and format version · identity of the embedding model · the vector · CRC-32 of all that.
"""

import base64
import binascii
import struct
import zlib

import numpy as np

from frontend.errors import AudioError
from frontend.speech import Manifest, Vector

FORMAT = b"VTP1"
IDENTITY_BYTES = 16
_HEADER = struct.Struct(f"<4s{IDENTITY_BYTES}sH")
_MAX_TEXT = 1 << 16


def save(vector: Vector, identity: str) -> str:
    """The template of a voice as text."""
    header = _HEADER.pack(FORMAT, bytes.fromhex(identity), len(vector))
    content = header + vector.astype("<f4").tobytes()
    return base64.b64encode(content + struct.pack("<I", zlib.crc32(content))).decode()


def load(text: str, manifest: Manifest) -> Vector:
    """The voice in a template; AudioError when it is damaged or of another model than the one that serves."""
    content = _unwrap(text)
    _magic, made_by, size = _HEADER.unpack_from(content)
    if made_by.hex() != manifest.identity:
        raise AudioError("the voice template was made by another version of the embedding model: create it anew")
    vector = np.frombuffer(content, "<f4", offset=_HEADER.size)
    whole = len(vector) == size == manifest.dimensions and bool(np.isfinite(vector).all())
    if not whole or not 0.99 < float(np.linalg.norm(vector)) < 1.01:
        raise AudioError("the voice template does not hold a voice")
    return vector.astype(np.float32)


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
    if len(content) < _HEADER.size + 4 or not content.startswith(FORMAT):
        raise AudioError("not a voice template of this gateway")
    body, checksum = content[:-4], content[-4:]
    if struct.pack("<I", zlib.crc32(body)) != checksum or (len(body) - _HEADER.size) % 4:
        raise AudioError("the voice template is damaged")
    return body
