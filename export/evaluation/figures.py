"""From what was heard to figures: error rates, languages, translations, times of words, invented text."""

import difflib
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from export.evaluation import ranges
from export.evaluation.hearing import Heard
from export.evaluation.truth import Truth, normalised
from export.training.scoring import Score

Pair = tuple[Truth, Heard]
_TOGETHER = ("de", "es", "fr", "it")  # told as one figure too where a split has them all
TOGETHER = ", ".join(_TOGETHER)
_SURE = 0.8  # of a language; to be wrong then is worse than to be unsure
_COLUMNS = {
    "clips": "clips",
    "wer": "wrong words",
    "cer": "wrong letters",
    "exact": "texts without a mistake",
    "wer_language_detected": "wrong words, language detected",
    "language": "language right",
    "language_at_3_seconds": "of the first 3 s",
    "language_sure_wrong": "surely wrong",
    "translation_wer": "translation: wrong words",
    "translation_exact": "translations without a mistake",
    "start_milliseconds": "starts of words off by, ms",
    "end_milliseconds": "ends of words off by, ms",
    "invented": "text without speech",
    "invented_by_one_call": "straight from `asr`",
    "errors": "errors",
}


def judge(pairs: Sequence[Pair], normalise: bool) -> dict[str, Any]:
    """All figures of one split; None where there is nothing to judge. Rates are percentages, times median errors."""
    form = normalised if normalise else lambda text: " ".join(text.split())
    answered = [pair for pair in pairs if not pair[1].error]
    # Of a language that the recogniser does not write, which language it is is all that is judged.
    spoken = [pair for pair in answered if pair[0].text and pair[1].text is not None]
    silent = [pair for pair in answered if pair[0].text == ""]
    text = _score([(heard.text, truth.text) for truth, heard in spoken], form)
    detected = _score([(heard.text_in_detected_language, truth.text) for truth, heard in spoken], form)
    english = _score([(heard.english, truth.english) for truth, heard in answered if heard.english is not None], form)
    starts, ends = _time_errors(spoken)
    return {
        "clips": len(pairs),
        "seconds": round(sum(heard.seconds for _, heard in answered), 1),
        **{name: text and text[name] for name in ("wer", "cer", "exact")},
        "wer_language_detected": detected and detected["wer"],
        **_languages(answered),
        "translation_wer": english and english["wer"],
        "translation_exact": english and english["exact"],
        "words_timed": len(starts),
        "start_milliseconds": _milliseconds(starts),
        "end_milliseconds": _milliseconds(ends),
        "start_bias_milliseconds": _milliseconds(starts, signed=True),
        "end_bias_milliseconds": _milliseconds(ends, signed=True),
        "truncated": sum(heard.truncated for _, heard in answered),
        "silent_clips": len(silent),
        "invented": sum(bool(heard.text) for _, heard in silent) if silent else None,
        "invented_by_one_call": sum(bool(heard.text_of_one_call) for _, heard in silent) if silent else None,
        "errors": len(pairs) - len(answered),
        "ranges": _ranges(spoken, answered, form),
    }


def _languages(pairs: Sequence[Pair]) -> dict[str, float | None]:
    talked = [(truth.language, heard) for truth, heard in pairs if truth.language and truth.text != ""]
    return {
        "language": _percent([heard.language == language for language, heard in talked]),
        "language_at_3_seconds": _percent(
            [heard.language_at_3_seconds == language for language, heard in talked if heard.seconds >= 3]
        ),
        "language_sure_wrong": _percent([_surely_wrong(language, heard) for language, heard in talked]),
    }


def _surely_wrong(language: str, heard: Heard) -> bool:
    return heard.language not in (None, language) and heard.language_probability > _SURE


def _ranges(spoken: Sequence[Pair], answered: Sequence[Pair], form: Callable[[str], str]) -> dict[str, ranges.Range]:
    """By the luck of which recordings they were: 95 of 100 draws of as many lie in them."""
    scores = [Score() for _ in spoken]
    for score, (truth, heard) in zip(scores, spoken, strict=True):
        score.add(form(heard.text or ""), form(truth.text or ""))
    talked = [(truth.language, heard) for truth, heard in answered if truth.language and truth.text != ""]
    starts, ends = _time_errors(spoken)
    ones = [1.0] * max(len(spoken), len(talked))
    found = {
        "wer": ranges.of_ratio([each.word_errors for each in scores], [each.words for each in scores]),
        "exact": ranges.of_ratio([each.exact for each in scores], ones[: len(scores)]),
        "language": ranges.of_ratio([heard.language == right for right, heard in talked], ones[: len(talked)]),
        "language_sure_wrong": ranges.of_ratio([_surely_wrong(*each) for each in talked], ones[: len(talked)]),
        "start_milliseconds": ranges.of_median([1000 * abs(error) for error in starts]),
        "end_milliseconds": ranges.of_median([1000 * abs(error) for error in ends]),
    }
    return {name: each for name, each in found.items() if each is not None}


def splits(pairs: Sequence[Pair], normalise: bool) -> dict[str, dict[str, Any]]:
    """The figures of each split in the manifest's order, over all its languages and for each."""
    found: dict[str, dict[str, Any]] = {}
    for split in dict.fromkeys(truth.split for truth, _ in pairs):
        chosen = [pair for pair in pairs if pair[0].split == split]
        languages = sorted({truth.language for truth, _ in chosen if truth.language})
        by_language = {
            language: judge([pair for pair in chosen if pair[0].language == language], normalise)
            for language in (languages if len(languages) > 1 else [])
        }
        if {*_TOGETHER} <= {*by_language}:
            by_language[TOGETHER] = judge([pair for pair in chosen if pair[0].language in _TOGETHER], normalise)
        found[split] = {"all": judge(chosen, normalise), "languages": by_language}
    return found


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row a split; columns in which nothing stands are left out."""
    rows = {split: each["all"] for split, each in figures.items()}
    columns = [
        name
        for name in _COLUMNS
        if name in ("clips", "invented", "invented_by_one_call") or any(row[name] for row in rows.values())
    ]
    lines = ["| split | " + " | ".join(_COLUMNS[name] for name in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for split, row in rows.items():
        cells = [cell(row, name) for name in columns]
        for name in ("invented", "invented_by_one_call"):
            if row[name] is not None and name in columns:
                cells[columns.index(name)] = f"{row[name]} of {row['silent_clips']}"
        lines.append(f"| {split} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(row: dict[str, Any], name: str) -> str:
    low, high = row["ranges"].get(name, (None, None))
    told = "" if row[name] is None else str(row[name])
    return told if low is None or not told else f"{told} ({low:g} to {high:g})"


def _score(texts: Sequence[tuple[str | None, str | None]], form: Callable[[str], str]) -> dict[str, float] | None:
    score = Score()
    for said, truth in texts:
        score.add(form(said or ""), form(truth or ""))
    return score.percentages() if score.utterances else None


def _time_errors(pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """In seconds, of the words that were heard right."""
    starts, ends = [], []
    for truth, heard in pairs:
        said, known = [normalised(word.text) for word in heard.words], [normalised(word) for word, _, _ in truth.words]
        for block in difflib.SequenceMatcher(None, said, known, autojunk=False).get_matching_blocks():
            for step in range(block.size):
                word, (_, start, end) = heard.words[block.a + step], truth.words[block.b + step]
                starts.append(word.start_seconds - start)
                ends.append(word.end_seconds - end)
    return starts, ends


def _milliseconds(errors: Sequence[float], signed: bool = False) -> float | None:
    if not errors:
        return None
    return round(1000 * statistics.median(error if signed else abs(error) for error in errors), 1)


def _percent(right: Sequence[bool]) -> float | None:
    return round(100 * sum(right) / len(right), 1) if right else None
