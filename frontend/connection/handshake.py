"""The answer to a request that becomes a WebSocket (RFC 6455, 4.2.2)."""

import base64
import hashlib
from collections.abc import Mapping

from aiohttp import hdrs

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(asked: Mapping[str, str], more: Mapping[str, str]) -> bytes:
    """The response to these headers, with more of our own."""
    key = asked[hdrs.SEC_WEBSOCKET_KEY].strip() + _GUID
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
    headers = {
        hdrs.UPGRADE: "websocket",
        hdrs.CONNECTION: "Upgrade",
        hdrs.SEC_WEBSOCKET_ACCEPT: base64.b64encode(digest).decode(),
        **more,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\n".encode()
