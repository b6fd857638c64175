"""The requests of one connection, as far as the server takes them (RFC 9113, 5.1.2 and 5.2)."""

from frontend.triton.http2 import frames
from frontend.triton.http2.frames import DATA, END_STREAM, FIRST_WINDOW, frame, head

Pieces = list[bytes | memoryview]


class _Body:
    __slots__ = ("unsent", "window")

    def __init__(self, content: bytes, window: int) -> None:
        self.unsent, self.window = memoryview(content), window


class Bodies:
    """Those under way take turns frame by frame, so that a large one holds up nobody. `due` is what may be sent now,
    not copied."""

    def __init__(self) -> None:
        self._bodies: dict[int, _Body] = {}
        self._window = self._first_window = FIRST_WINDOW
        self._frame_bytes = 1 << 14
        # Begun and not over; and those that have yet to begin, in their order.
        self._open = set[int]()
        self._waiting: dict[int, tuple[bytes, bytes]] = {}
        self._most_open = frames.LAST_NUMBER

    def add(self, number: int, block: bytes, content: bytes) -> None:
        """A request with these header fields."""
        self._waiting[number] = block, content

    def waits(self, number: int) -> bool:
        """Whether the server has heard nothing of it yet."""
        return number in self._waiting

    def drop(self, number: int) -> bool:
        """It is over; whether another one may begin."""
        self._waiting.pop(number, None)
        self._bodies.pop(number, None)
        self._open.discard(number)
        return bool(self._waiting)

    def widen(self, number: int, more_bytes: int) -> None:
        """So much more is taken of one of them, or of all together."""
        if not number:
            self._window += more_bytes
        elif (body := self._bodies.get(number)) is not None:
            body.window += more_bytes

    def agree(self, name: int, value: int) -> None:
        """To a setting of the server's."""
        if name == frames.INITIAL_WINDOW_SIZE:
            for body in self._bodies.values():
                body.window += value - self._first_window
            self._first_window = value
        elif name == frames.MAX_FRAME_SIZE:
            self._frame_bytes = value
        elif name == frames.MAX_CONCURRENT_STREAMS:
            self._most_open = value

    def due(self) -> Pieces:
        pieces = Pieces()
        while self._waiting and len(self._open) < self._most_open:
            number = next(iter(self._waiting))
            block, content = self._waiting.pop(number)
            self._open.add(number)
            self._bodies[number] = _Body(content, self._first_window)
            pieces.append(frame(frames.HEADERS, frames.END_HEADERS, number, block))
        count = -1
        while count < (count := len(pieces)):
            for number in list(self._bodies):
                self._pour(number, pieces)
        return pieces

    def _pour(self, number: int, pieces: Pieces) -> None:
        """A frame of it, behind which it is the others' turn."""
        body = self._bodies[number]
        size = min(len(body.unsent), self._frame_bytes, self._window, body.window)
        if size <= 0:
            return
        piece, body.unsent = body.unsent[:size], body.unsent[size:]
        self._window -= size
        body.window -= size
        pieces += head(DATA, 0 if body.unsent else END_STREAM, number, size), piece
        del self._bodies[number]
        if body.unsent:
            self._bodies[number] = body
