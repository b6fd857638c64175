"""Transcripts for people: plain text, SubRip (srt) and WebVTT.

A cue shows at most two lines of 42 characters for at most seven seconds, as broadcasters do, and ends where the speaker
pauses. A word that is longer than a line stands alone in one.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from frontend.speech import Word

LINE_CHARACTERS = 42
_LINES = 2
_CUE_SECONDS = 7.0
_PAUSE_SECONDS = 1.5
# No player shows a cue without length.
_SHORTEST_SECONDS = 0.001


@dataclass(frozen=True)
class Cue:
    start_seconds: float
    end_seconds: float
    lines: tuple[str, ...]


def plain(texts: Iterable[str]) -> str:
    """A line for each text that says something."""
    lines = (" ".join(text.split()) for text in texts)
    return "".join(f"{line}\n" for line in lines if line)


def cues(finals: Iterable[Sequence[Word]]) -> Iterator[Cue]:
    """Of each final's words; two finals never share a cue, and no cue overlaps the next."""
    previous: Cue | None = None
    for words in finals:
        for cue in _split(words):
            if previous:
                yield _ended(previous, cue.start_seconds)
            previous = cue
    if previous:
        yield _ended(previous, previous.end_seconds)


def srt(shown: Iterable[Cue]) -> str:
    return "".join(
        f"{number}\n{_time(cue.start_seconds, ',')} --> {_time(cue.end_seconds, ',')}\n{_text(cue)}\n\n"
        for number, cue in enumerate(shown, 1)
    )


def vtt(shown: Iterable[Cue]) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_time(cue.start_seconds, '.')} --> {_time(cue.end_seconds, '.')}\n{html.escape(_text(cue), quote=False)}\n\n"
        for cue in shown
    )


def _split(words: Sequence[Word]) -> Iterator[Cue]:
    taken: list[Word] = []
    for word in words:
        if taken and not _fits(taken, word):
            yield _cue(taken)
            taken = []
        taken.append(word)
    if taken and _lines(taken):
        yield _cue(taken)


def _fits(taken: Sequence[Word], word: Word) -> bool:
    pause_seconds = word.start_seconds - taken[-1].end_seconds
    long_seconds = word.end_seconds - taken[0].start_seconds
    return pause_seconds < _PAUSE_SECONDS and long_seconds <= _CUE_SECONDS and len(_lines([*taken, word])) <= _LINES


def _cue(words: Sequence[Word]) -> Cue:
    return Cue(words[0].start_seconds, words[-1].end_seconds, _lines(words))


def _lines(words: Sequence[Word]) -> tuple[str, ...]:
    """The words in lines that are broken between them, wherever the language has no spaces too."""
    lines = [""]
    for word in words:
        spoken = _one_line(word.text)
        if lines[-1] and len(lines[-1] + spoken.rstrip()) > LINE_CHARACTERS:
            lines.append("")
        lines[-1] += spoken if lines[-1] else spoken.lstrip()
    return tuple(" ".join(line.split()) for line in lines if line.strip())


def _one_line(text: str) -> str:
    return "".join(" " if character.isspace() else character for character in text if not _is_control(character))


def _is_control(character: str) -> bool:
    return not (character.isprintable() or character.isspace())


def _ended(cue: Cue, next_start_seconds: float) -> Cue:
    end_seconds = (
        min(cue.end_seconds, next_start_seconds) if next_start_seconds > cue.start_seconds else cue.end_seconds
    )
    return Cue(cue.start_seconds, max(end_seconds, cue.start_seconds + _SHORTEST_SECONDS), cue.lines)


def _text(cue: Cue) -> str:
    # Between two lines of numbers an arrow would begin a cue of its own.
    return "\n".join(cue.lines).replace("-->", "->")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
