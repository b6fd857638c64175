"""The manifest of an evaluation: one JSON object a line, a recording and what is known about it."""

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.failure import ExportError


@dataclass(frozen=True)
class Truth:
    """A recording. No text: it is not known, and not judged; an empty one: nobody speaks."""

    audio: Path
    split: str
    text: str | None = None
    language: str = ""
    english: str | None = None
    task: str = "transcribe"
    words: tuple[tuple[str, float, float], ...] = ()
    speaker: str = ""


def load(manifest: Path) -> list[Truth]:
    """The recordings of a manifest; paths in it are relative to it."""
    try:
        lines = manifest.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ExportError(f"cannot read the manifest {manifest}: {e}") from e
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_truth(manifest, json.loads(line)))
            except (ValueError, TypeError, KeyError, AttributeError) as e:
                raise ExportError(
                    f"{manifest}:{number}: {type(e).__name__} {e}; docs/models.md says what a line holds"
                ) from e
    if not found:
        raise ExportError(f"the manifest {manifest} names no recording")
    return found


def _truth(manifest: Path, line: dict[str, Any]) -> Truth:
    unknown = set(line) - {"audio", "split", "text", "language", "english", "task", "words", "speaker"}
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}")
    audio = manifest.parent / str(line["audio"])
    if not audio.is_file():
        raise ValueError(f"no file {audio}")
    text, english, task = (line.get(name) for name in ("text", "english", "task"))
    if not all(isinstance(each, str | None) for each in (text, english, task)):
        raise ValueError("text, english and task must be strings")
    if task not in (None, "transcribe", "translate"):
        raise ValueError(f"unknown task {task!r}")
    words = tuple((str(word), float(start), float(end)) for word, start, end in line.get("words") or ())
    language = str(line.get("language") or "")
    split, speaker = str(line.get("split") or "all"), str(line.get("speaker") or "")
    return Truth(audio, split, text, language, english, task or "transcribe", words, speaker)


def normalised(text: str) -> str:
    """Compatible characters made one, lower case, without punctuation and symbols but for apostrophes inside words."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = (
        character if character == "'" or unicodedata.category(character)[0] not in "PS" else " " for character in folded
    )
    return " ".join(word.strip("'") for word in "".join(kept).split() if word.strip("'"))
