"""What makes an HTTP request the opening handshake of a WebSocket (RFC 6455, 4.2.1; RFC 9110, 7.8)."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import cast

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion, HttpVersion11, WebSocketReader
from multidict import MultiMapping

from frontend.errors import ClientError, UpgradeRequiredError

_VERSION = "13"
_KEY_BYTES = 16
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# Of an answer with 426: what to come back with (RFC 9110, 15.5.22; RFC 6455, 4.4).
OFFER: Mapping[str, str] = {
    hdrs.UPGRADE: "websocket",
    hdrs.CONNECTION: "Upgrade",
    hdrs.SEC_WEBSOCKET_VERSION: _VERSION,
}


def is_attempted(method: str, version: HttpVersion, headers: MultiMapping[str]) -> bool:
    """Whether it is meant as one. In other methods and in HTTP/1.0 the header Upgrade says nothing."""
    is_websocket = headers.get(hdrs.UPGRADE, "").strip().lower() == "websocket"
    return is_websocket and method == hdrs.METH_GET and version >= HttpVersion11


def check(headers: MultiMapping[str]) -> None:
    """Raise what is wrong with the one that is attempted."""
    if "upgrade" not in _tokens(headers, hdrs.CONNECTION):
        raise ClientError("the header Connection does not say Upgrade: has a proxy removed it?")
    if hdrs.HOST not in headers:
        raise ClientError("the header Host is missing")
    if headers.getall(hdrs.SEC_WEBSOCKET_VERSION, []) != [_VERSION]:
        raise UpgradeRequiredError(f"the header Sec-WebSocket-Version must be {_VERSION}")
    keys = headers.getall(hdrs.SEC_WEBSOCKET_KEY, [])
    if len(keys) != 1 or not _is_key(keys[0]):
        raise ClientError(f"the header Sec-WebSocket-Key must be {_KEY_BYTES} bytes in base64, once")
    if not all(line.isascii() for line in headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, [])):
        raise ClientError("the header Sec-WebSocket-Protocol must hold tokens (4.1)")  # one of which is answered


def accepted(asked: Mapping[str, str], more: Mapping[str, str]) -> bytes:
    """The response to these headers, with more of our own (4.2.2)."""
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


class _EarlyBytes:
    """What aiohttp takes for a parser of what follows the request."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """The end is told to the connection's protocol."""

    def set_exception(self, error: BaseException) -> None:
        """Likewise."""


def taken_over(below: asyncio.BaseProtocol) -> bytes:
    """What came behind the request, of a client that did not wait for the answer (4.1): aiohttp has it.

    To aiohttp the connection is lost: all that it keeps for one is more than what we do.
    """
    early = _EarlyBytes()
    if isinstance(below, web.RequestHandler):
        below.set_parser(cast(WebSocketReader, early))
        below.transport = None  # which it would close
        below.connection_lost(None)
    return early.data


def _tokens(headers: MultiMapping[str], name: str) -> set[str]:
    return {token.strip().lower() for line in headers.getall(name, []) for token in line.split(",")}


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _KEY_BYTES
    except (ValueError, binascii.Error):
        return False
