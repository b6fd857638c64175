"""Subtitles of what the server said: its words, or its segments cut into words."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from frontend.client.command import Command
from frontend.client.errors import InputError, ServerError
from frontend.recordings.subtitles import cues, srt, vtt
from frontend.speech import Word


def of_segment(segment: Mapping[str, Any]) -> list[Word]:
    """Its words, each given a share of its time by its letters."""
    text, start_seconds, end_seconds = _timed(segment, "text")
    spoken = text.split()
    letters = sum(map(len, spoken)) or 1
    words, said = [], 0
    for word in spoken:
        begun, said = said, said + len(word)
        first, last = (start_seconds + (end_seconds - start_seconds) * at / letters for at in (begun, said))
        words.append(Word(f" {word}", first, last, 1.0))
    return words


def of_final(final: Mapping[str, Any]) -> list[Word]:
    """The words of a live transcription's final, with what its text has between them: spaces, or nothing."""
    text, words, at = str(final.get("text") or ""), list[Word](), 0
    for word, start_seconds, end_seconds in [_timed(word, "word") for word in final["result"]]:
        found = text.find(word, at)
        spaced = text[at : found + len(word)] if found >= 0 else f" {word}"
        words.append(Word(spaced, start_seconds, end_seconds, 1.0))
        at = max(at, found + len(word))
    return words


def _timed(piece: Any, key: str) -> tuple[str, float, float]:
    try:
        return str(piece[key]).strip(), float(piece["start"]), float(piece["end"])
    except (LookupError, TypeError, ValueError) as e:
        raise ServerError("the server sent text without times") from e


def check(command: Command) -> None:
    """Before the work is done rather than after it."""
    for path in filter(None, (command.srt, command.vtt)):
        if path.is_dir():
            raise InputError(f"cannot write {path}: it is a folder")
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InputError(f"cannot write {path}: permission denied")


def write(command: Command, finals: Sequence[Sequence[Word]]) -> None:
    for path, document in ((command.srt, srt), (command.vtt, vtt)):
        if path is not None:
            try:
                path.write_text(document(cues(finals)), encoding="utf-8")
            except OSError as e:
                raise InputError(f"cannot write {path}: {e.strerror}") from e
