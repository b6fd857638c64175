"""One client's socket without an event loop: one system call sends a frame that was built beforehand, one receives."""

import base64
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.wire import PING, TEXT, Endpoint, frame

_PONG = 10
_CLOSE = 8
_RECEIVED_BYTES = 1 << 16
_OPENING_SECONDS = 20.0


@dataclass(frozen=True)
class Door:
    """Where a stream goes in, and what it says there before its audio: parameters are answered, an opening is not."""

    endpoint: Endpoint
    opening: str = ""


class Stream:
    """Connected and accepted; from then on it never waits."""

    def __init__(self, door: Door, frames: Sequence[bytes], offset: int) -> None:
        self._frames, self._offset = frames, offset
        self._rest = b""
        self._unsent = b""
        self.sent: list[float] = []
        self.answered: list[float] = []
        self.newest_reply = b""
        self.closed = False
        self.socket = socket.create_connection((door.endpoint.host, door.endpoint.port), _OPENING_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._upgrade(door.endpoint)
        self._introduce(door)
        self.answered.clear()
        self.socket.setblocking(False)

    def speak(self, now_seconds: float) -> None:
        """Hand the next message to the kernel. What it does not take goes before the one after."""
        data = self._frames[(self._offset + len(self.sent)) % len(self._frames)]
        self.sent.append(now_seconds)
        self._send(self._unsent + data if self._unsent else data)

    def hear(self) -> None:
        """Take what has come; each text is one reply."""
        try:
            data = self.socket.recv(_RECEIVED_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        self._take_frames(self._rest + data if self._rest else data)

    def _send(self, data: bytes) -> None:
        try:
            self._unsent = data[self.socket.send(data) :]
        except BlockingIOError:
            self._unsent = data
        except ConnectionError:
            self.closed = True

    def _take_frames(self, data: bytes) -> None:
        at, length = 0, len(data)
        while at + 2 <= length:
            start, size = at + 2, data[at + 1]
            if size >= 126:
                start = at + (4 if size == 126 else 10)
                size = int.from_bytes(data[at + 2 : start], "big")
            if start + size > length:
                break
            self._take(data[at] & 0x0F, data[start : start + size])
            at = start + size
        self._rest = data[at:]

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == TEXT:
            self.answered.append(time.monotonic())
            self.newest_reply = payload
        elif kind == PING:
            self._send(self._unsent + frame(_PONG, payload))
        elif kind == _CLOSE:
            self.closed = True

    def _upgrade(self, endpoint: Endpoint) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {endpoint.path} HTTP/1.1", f"Host: {endpoint.host}:{endpoint.port}", "Upgrade: websocket"]
        lines += ["Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := self.socket.recv(_RECEIVED_BYTES)):
                raise ConnectionError("closed during the upgrade")
            head += data
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.splitlines()[0].decode())

    def _introduce(self, door: Door) -> None:
        for parameter in door.endpoint.parameters:
            self.socket.sendall(frame(TEXT, parameter.encode()))
            self.hear()
            if self.newest_reply != b"200":
                raise ConnectionError(f"{door.endpoint.path} answered {self.newest_reply!r} to {parameter!r}")
        if door.opening:
            self.socket.sendall(frame(TEXT, door.opening.encode()))
