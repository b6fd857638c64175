"""Finals as clients get them and exports keep them: words with their times, and the text they make."""

from collections.abc import Mapping, Sequence
from typing import Any

from frontend.speech import Word


def final_of(words: Sequence[Word], text: str) -> dict[str, Any]:
    result = [
        {
            "conf": round(word.confidence, 6),
            "start": round(word.start_seconds, 3),
            "end": round(word.end_seconds, 3),
            "word": word.text.strip(),
        }
        for word in words
    ]
    return {"result": result, "text": text}


def words_of(final: Mapping[str, Any]) -> list[Word]:
    """Its words, each with the white space that stands before it in the text: not every language has any."""
    text, at = str(final["text"]), 0
    words = []
    for entry in final["result"]:
        found = text.find(entry["word"], at)
        end = found + len(entry["word"])
        spoken = text[at:end] if found >= 0 else f" {entry['word']}"
        at = end if found >= 0 else at
        words.append(Word(spoken, float(entry["start"]), float(entry["end"]), float(entry["conf"])))
    return words
