"""What the user sees: results on standard output, everything else on standard error."""

import codecs
import contextlib
import io
import json
import os
import shutil
import sys
import time
from typing import Any

from frontend.client.errors import InputError

NOTE_SECONDS = 10.0
_ESCAPED = "escaped as in JSON"


def take_all_letters() -> None:
    """What the locale's encoding has no bytes for is written escaped, so that a line of JSON stays one."""
    codecs.register_error(_ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def harmless(text: str) -> str:
    """One line, without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


class Screen:
    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._shows_partials = sys.stdout.isatty() and not as_json
        self._partial_shown = False

    def message(self, text: str) -> None:
        """A text of the server, as it came; line breaks in JSON are only white space."""
        if self._as_json:
            self._write(" ".join(text.splitlines()))

    def result(self, text: str) -> None:
        if not self._as_json:
            self._clear()
            self._write(harmless(text))

    def partial(self, text: str) -> None:
        """A result that may still change: its end, in place."""
        if self._shows_partials:
            self._clear()
            self._put(harmless(text)[-(shutil.get_terminal_size().columns - 1) :])
            self._partial_shown = True

    def note(self, text: str) -> None:
        self._clear()
        with contextlib.suppress(OSError):  # the results are worth having without
            sys.stderr.write(harmless(text) + "\n")
            sys.stderr.flush()

    def document(self, text: str) -> None:
        """Several lines that were asked for."""
        self._clear()
        self._write(text.rstrip("\n"))

    def progress(self, total_seconds: float | None) -> "Progress":
        """A bar where nothing else is shown in place."""
        return Progress(self, total_seconds, sys.stderr.isatty() and not self._shows_partials)

    def _clear(self) -> None:
        if self._partial_shown:
            self._put("\r\x1b[K")
            self._partial_shown = False

    def _write(self, line: str) -> None:
        self._put(line + "\n")

    def _put(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as e:
            # Nothing is left for the interpreter to write at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(e, BrokenPipeError):
                raise
            raise InputError(f"cannot write the results: {e.strerror}") from e


class Progress:
    """How much was sent: a bar on a terminal, elsewhere a line now and then, and one at the end of a long recording."""

    def __init__(self, screen: Screen, total_seconds: float | None, on_terminal: bool) -> None:
        self._screen = screen
        self._total_seconds = total_seconds
        self._sent_seconds = 0.0
        self._noted = time.monotonic()
        self._told = False
        self._bar = _bar(total_seconds) if on_terminal else None

    def advance(self, seconds: float) -> None:
        self._sent_seconds += seconds
        if self._bar is not None:
            self._bar.update(seconds)
        elif time.monotonic() - self._noted >= NOTE_SECONDS:
            self._tell()

    def note(self, text: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.clear()
        self._screen.note(text)

    def close(self, total_seconds: float | None = None) -> None:
        """Nothing more is sent, of what may be known by now to be so long."""
        self._total_seconds = total_seconds or self._total_seconds
        if self._bar is not None:
            self._bar.total = self._total_seconds
            self._bar.refresh()
            self._bar.close()
        elif self._told:
            self._tell()

    def _tell(self) -> None:
        self._noted, self._told = time.monotonic(), True
        total = f" of {self._total_seconds:.0f}" if self._total_seconds else ""
        self._screen.note(f"sent {self._sent_seconds:.0f}{total} s")


def _bar(total_seconds: float | None) -> Any:
    try:
        from tqdm import tqdm  # an installation that only serves has none
    except ImportError:
        return None
    shown = "{l_bar}{bar}| {n:.0f}/{total:.0f} s" if total_seconds else "{n:.0f} s"
    return tqdm(total=total_seconds, leave=False, bar_format=shown)
