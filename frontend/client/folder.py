"""Many recordings to text, one after the other, each into files of its name; what was done before is not done again."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frontend.client import transcription
from frontend.client.command import Command
from frontend.client.errors import CommandError, InputError, UnreachableError
from frontend.client.recording import Recording
from frontend.client.screen import Progress, Screen
from frontend.recordings.subtitles import cues, srt, vtt


async def run(command: Command, screen: Screen) -> None:
    """A recording that fails is told, and those behind it are done; in the end the first failure's status tells."""
    wanted = _wanted(command)
    ahead = {file: paths for file, paths in wanted.items() if command.force or not _done(paths)}
    seconds = {file: _seconds(file) for file in ahead}
    progress = screen.progress(sum(seconds.values()) or None)
    failures: list[CommandError] = []
    try:
        for file, paths in ahead.items():
            heard = _Heard(progress, seconds[file])
            try:
                answer = await transcription.ask(command, file, screen, heard.until)
            except UnreachableError:
                raise
            except CommandError as e:
                failures.append(e)
                progress.note(f"{file}: {e}")
            else:
                _write(answer, paths)
            heard.until(seconds[file])
    finally:
        progress.close()
    done = len(ahead) - len(failures)
    screen.note(f"{done} transcribed, {len(wanted) - len(ahead)} were there already, {len(failures)} failed")
    if failures:
        raise type(failures[0])(f"{len(failures)} of {len(wanted)} recordings failed")


class _Heard:
    """How much of one recording the progress was told."""

    def __init__(self, progress: Progress, seconds: float) -> None:
        self._progress, self._seconds = progress, seconds
        self._told_seconds = 0.0

    def until(self, seconds: float) -> None:
        further = min(seconds, self._seconds) - self._told_seconds
        self._told_seconds += further
        self._progress.advance(further)


def _wanted(command: Command) -> dict[Path, Mapping[str, Path]]:
    """Of each recording what is to be written where."""
    found: dict[Path, Mapping[str, Path]] = {}
    by: dict[Path, Path] = {}
    for kind, folder in command.folders.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise InputError(f"cannot write into {folder}: {e.strerror}") from e
        for file in dict.fromkeys(command.files):
            path = folder / f"{file.stem}.{kind}"
            if by.setdefault(path, file) != file:
                raise InputError(f"{by[path]} and {file} would both become {path}")
            found[file] = {**found.get(file, {}), kind: path}
    return found


def _done(paths: Mapping[str, Path]) -> bool:
    return all(path.exists() for path in paths.values())


def _seconds(file: Path) -> float:
    """For the progress alone: what is wrong with a file is told when its turn comes."""
    try:
        return Recording(file).seconds() or 0.0
    except InputError:
        return 0.0


def _write(answer: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
    """Whole or not at all: what is there is taken for done."""
    shown = list(cues(transcription.words(answer)))
    documents = {
        "srt": lambda: srt(shown),
        "vtt": lambda: vtt(shown),
        "txt": lambda: f"{transcription.text(answer)}\n",
        "json": lambda: json.dumps(answer, ensure_ascii=False, indent=1) + "\n",
    }
    for kind, path in paths.items():
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_text(documents[kind](), encoding="utf-8")
            os.replace(part, path)
        except OSError as e:
            raise InputError(f"cannot write {path}: {e.strerror}") from e
