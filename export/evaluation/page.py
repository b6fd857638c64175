"""The figures as a page for people: people's own first, synthesizers' after."""

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from export.evaluation import figures
from export.people.packages import PACKAGES

_HEAD = """# Accuracy

Written by `make evaluate`, through the Triton that runs and whatever it serves, as the gateway does it with files. In
brackets stands in which range 95 of 100 draws of as many recordings (of voices: of as many speakers) lie. Rates are
percentages; times are medians.

Texts are compared in lower case without punctuation. `surely wrong`: another language than the one spoken, at a
probability above 0.8. Speakers of `language`, of voices and of ends were heard by no model or calibration of ours; nor
were those who read. Of the telephone prompts the heads for language heard the voices, the recognisers none. Joined of
short recordings are numbers in a row, languages and voices; a number that is written in figures counts as wrong. Of a
language that the recogniser does not write, only which it is is judged. Of what nobody says no language is named;
`straight from asr` is one call for at most half a minute of each, without the gateway's voice activity before it.
"""


def page(report: Mapping[str, Any], synthesizers: Iterable[str]) -> str:
    """Markdown; which splits are of synthesizers the caller knows."""
    spoken = set(synthesizers)
    splits = report["splits"]
    parts = [_HEAD, f"Recogniser `{report['recogniser']}`, {report['took_seconds']:g} s."]
    people = {name: each for name, each in splits.items() if name not in spoken}
    if people:
        parts += ["## People", figures.table(people), _by_language(people)]
    if report.get("services"):
        parts += [_voices(report["services"]["voices"]), _ends(report["services"]["endpoint"])]
    others = {name: each for name, each in splits.items() if name in spoken}
    if others:
        parts += ["## Synthesizers", figures.table(others)]
    return "\n\n".join(part.strip() for part in [*parts, _sources()] if part) + "\n"


def _by_language(splits: Mapping[str, Any]) -> str:
    """Where a split has several."""
    lines = ["| split | language | clips | right | surely wrong |", "|---|---|---|---|---|"]
    for split, each in splits.items():
        for language, row in each["languages"].items():
            right, wrong = (figures.cell(row, name) for name in ("language", "language_sure_wrong"))
            lines.append(f"| {split} | {language} | {row['clips']} | {right} | {wrong} |")
        if figures.TOGETHER in each["languages"]:
            cells = " | ".join(_mean(each["languages"], name) for name in ("language", "language_sure_wrong"))
            lines.append(f"| {split} | the same, each weighing as much | | {cells} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _mean(rows: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Some languages have many more recordings than others; of one of which nothing was answered nothing is known."""
    shares = [rows[language][name] for language in figures.TOGETHER.split(", ")]
    return "–" if None in shares else f"{fmean(shares):.1f}"


def _voices(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = ["### The same voice or another", ""]
    lines += ["| | equal error rate | same > 0.5 | other < 0.5 | pairs of one / of two |", "|---|---|---|---|---|"]
    for row in rows:
        rates = (row[name] for name in ("equal_error_rate", "same_accepted", "other_refused"))
        cells = [f"{rate['share']:.1f} % ({rate['low']:.1f} to {rate['high']:.1f})" for rate in rates]
        lines.append(f"| {row['set']} | {' | '.join(cells)} | {row['same_pairs']} / {row['other_pairs']} |")
    return "\n".join(lines)


def _ends(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = ["### The end of an utterance, behind its last sound and the silence asked for", ""]
    lines += [
        "The last sound is the last that is not 40 dB below the loudest: many last syllables fade, and are no speech",
        "any more before that. `cut off`: speech is heard after the end was told.",
        "",
    ]
    lines += [
        "| silence | recordings | median | p95 | told while it fades | cut off | never told |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["median_range_ms"] or (None, None)
        median = f"{row['median_ms']} ms" + ("" if low is None else f" ({low:g} to {high:g})")
        counts = f"{row['faded']} | {row['cut_off']} | {row['never_told']}"
        lines.append(f"| {row['silence_ms']} ms | {row['recordings']} | {median} | {row['p95_ms']} ms | {counts} |")
    return "\n".join(lines)


def _sources() -> str:
    lines = ["## Whose recordings", ""]
    lines += ["Fetched from package registries into a cache, compared with these hashes, never committed.", ""]
    lines += ["| package | version | licence | sha256 |", "|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {each.version} | {each.licence} | `{each.sha256[:16]}…` |" for each in PACKAGES.values()
    ]
    return "\n".join(lines)
