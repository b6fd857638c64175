"""Unary gRPC calls over HTTP/2: one connection, made when it is needed and made again when it is gone."""

import asyncio
import contextlib
import socket
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from frontend.triton.http2 import hpack
from frontend.triton.http2.connection import Connection, Response, StreamError
from frontend.triton.http2.frames import CANCEL, ENHANCE_YOUR_CALM, REFUSED_STREAM

_SERVICE = "inference.GRPCInferenceService"
_CONNECT_SECONDS = 5.0
# A peer that is gone without a word is noticed after so long, by TCP.
_SILENT_SECONDS = 20
_QUIET_SECONDS = 60
_PREFIX_BYTES = 5
_MOST_BYTES = 256 << 20
_CODES = {code.value[0]: code for code in grpc.StatusCode}
# What an answer means that no gRPC server gave (https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html).
_OF_HTTP = {
    "400": grpc.StatusCode.INTERNAL,
    "401": grpc.StatusCode.UNAUTHENTICATED,
    "403": grpc.StatusCode.PERMISSION_DENIED,
    "404": grpc.StatusCode.UNIMPLEMENTED,
    **dict.fromkeys(("429", "502", "503", "504"), grpc.StatusCode.UNAVAILABLE),
}
_OF_HTTP2 = {
    None: grpc.StatusCode.UNAVAILABLE,
    REFUSED_STREAM: grpc.StatusCode.UNAVAILABLE,
    CANCEL: grpc.StatusCode.CANCELLED,
    ENHANCE_YOUR_CALM: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class Channel:
    """To one Triton, `host:port`. Raises what gRPC's own library does.

    No call is given a deadline; one whose task is cancelled is cancelled at the server.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address, self._host, self._port = address, host.strip("[]"), int(port)
        self._blocks: dict[str, bytes] = {}
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None

    async def call(self, method: str, request: Any, answers: Any) -> Any:
        """The method's answer, read as a message of this type."""
        message = request.SerializeToString()
        body = b"\0" + len(message).to_bytes(_PREFIX_BYTES - 1, "big") + message
        answer = await self._call(self._block(method), body)
        try:
            return answers.FromString(answer)
        except DecodeError as e:
            raise _error(grpc.StatusCode.INTERNAL, "an answer that is not of its kind") from e

    async def close(self) -> None:
        """Calls under way are lost."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()

    def _block(self, method: str) -> bytes:
        """The header fields of its calls, which are always the same."""
        if method not in self._blocks:
            fields = {
                **{":method": "POST", ":scheme": "http", ":path": f"/{_SERVICE}/{method}", ":authority": self._address},
                **{"te": "trailers", "content-type": "application/grpc"},
            }
            self._blocks[method] = hpack.written((name.encode(), value.encode()) for name, value in fields.items())
        return self._blocks[method]

    async def _call(self, block: bytes, body: bytes) -> bytes:
        try:
            connection = self._connection
            if connection is None or not connection.usable:
                connection = await self._connected()
            number, response = connection.call(block, body)
            try:
                answer = await response
            except asyncio.CancelledError:
                connection.cancel(number)
                raise
        except StreamError as e:
            raise _error(_OF_HTTP2.get(e.code, grpc.StatusCode.INTERNAL), str(e)) from e
        except OSError as e:
            raise _error(grpc.StatusCode.UNAVAILABLE, f"no connection to {self._address}: {e}") from e
        return _message_of(answer)

    async def _connected(self) -> Connection:
        """All who need the connection wait for the same one; whoever stops waiting leaves it to the others."""
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add_done_callback(self._done)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):  # TimeoutError is an OSError
            transport, connection = await loop.create_connection(
                lambda: Connection(_MOST_BYTES), self._host, self._port
            )
        _watch(transport)
        self._connection = connection
        return connection

    def _done(self, connecting: "asyncio.Task[Connection]") -> None:
        self._connecting = None
        if not connecting.cancelled():
            connecting.exception()  # looked at, or asyncio would complain where nobody waits any more


def _watch(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it was lost at once
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, _QUIET_SECONDS),
            (socket.TCP_KEEPINTVL, _SILENT_SECONDS // 2),
            (socket.TCP_USER_TIMEOUT, 1000 * _SILENT_SECONDS),
        ):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _message_of(response: Response) -> bytes:
    """The one message that it brings; AioRpcError where it brings a status instead."""
    fields, body = response
    status = fields.get("grpc-status", "")
    if not status:
        code = _OF_HTTP.get(fields.get(":status", ""), grpc.StatusCode.UNKNOWN)
        raise _error(code, f"no answer of gRPC's, HTTP status {fields.get(':status', 'unknown')}")
    if status != "0":
        code = _CODES.get(int(status) if status.isdecimal() else -1, grpc.StatusCode.UNKNOWN)
        raise _error(code, unquote(fields.get("grpc-message", "")))
    if (
        len(body) < _PREFIX_BYTES
        or body[0]
        or int.from_bytes(body[1:_PREFIX_BYTES], "big") != len(body) - _PREFIX_BYTES
    ):
        raise _error(grpc.StatusCode.INTERNAL, "an answer that is not one whole message")
    return body[_PREFIX_BYTES:]


def _error(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)
