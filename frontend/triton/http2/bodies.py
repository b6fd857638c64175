"""The bodies of requests, as far as the server takes them (RFC 9113, 5.2)."""

from collections.abc import Iterable

from frontend.triton.http2.frames import DATA, END_STREAM, FIRST_WINDOW, head

Pieces = list[bytes | memoryview]


class _Body:
    __slots__ = ("unsent", "window")

    def __init__(self, content: bytes, window: int) -> None:
        self.unsent, self.window = memoryview(content), window


class Bodies:
    """Of one connection, the oldest first. `due` is what may be sent now, not copied."""

    def __init__(self) -> None:
        self._bodies: dict[int, _Body] = {}
        self._window = self._first_window = FIRST_WINDOW
        self.frame_bytes = 1 << 14

    def add(self, number: int, content: bytes) -> None:
        self._bodies[number] = _Body(content, self._first_window)

    def drop(self, number: int) -> None:
        self._bodies.pop(number, None)

    def widen(self, number: int, more_bytes: int) -> None:
        """So much more is taken of one of them, or of all together."""
        if not number:
            self._window += more_bytes
        elif (body := self._bodies.get(number)) is not None:
            body.window += more_bytes

    def begin_with(self, window: int) -> None:
        for body in self._bodies.values():
            body.window += window - self._first_window
        self._first_window = window

    def due(self) -> Pieces:
        pieces = Pieces()
        for number, body in list(self._bodies.items()):
            pieces += self._poured(number, body)
            if not body.unsent:
                del self._bodies[number]
        return pieces

    def _poured(self, number: int, body: _Body) -> Iterable[bytes | memoryview]:
        while (size := min(len(body.unsent), self.frame_bytes, self._window, body.window)) > 0:
            piece, body.unsent = body.unsent[:size], body.unsent[size:]
            self._window -= size
            body.window -= size
            yield head(DATA, 0 if body.unsent else END_STREAM, number, size)
            yield piece
