"""The heads' accuracy report as a page, made from its figures."""

from typing import Any

_HEAD = """# Which language is spoken, and whether anybody speaks: accuracy of the heads

Made by `python -m export.training.heads.evaluation` from export/bundled/heads.json; do not edit.

Two small heads on the frames of Moonshine's encoder. Everything here was measured on people who were never trained on,
nor used to calibrate: whole speakers and packages were kept back (`export/people/recordings.py` names them). Their
recordings are joined to clips of three seconds and more; German is spoken to train on by synthesizers alone. Intervals
are Wilson's of 95 %. Recordings of one speaker resemble each other, so that the rows of single speakers tell more than
the size of an interval does.
"""


def _interval(figures: dict[str, Any]) -> str:
    if not figures["clips"]:
        return "–"
    return f"{figures['percent']} % ({figures['from']}–{figures['to']}), {figures['right']} of {figures['clips']}"


def _table(head: tuple[str, str], rows: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"| {head[0]} | {head[1]} |",
        "|---|---|",
        *(f"| {name} | {_interval(row)} |" for name, row in rows.items()),
    ]
    return "\n".join(lines)


def markdown(report: dict[str, Any]) -> str:
    language, speech = report["language"], report["speech"]
    whole = {
        "English": language["english"],
        "German, Spanish, French, Italian": language["german_spanish_french_italian"],
        "wrong among the answers of 0.8 and more": language["sure_and_wrong"],
        "other languages that get 0.8 or more": language["unknown_and_sure"],
    }
    silence = {
        "made sounds refused: silence, noise, hum, clicks, chords, tones, keys, sweeps, DC": speech["refused_made"],
        "recorded sounds refused: instruments, machines, music, ringing, crowds": speech["refused_recorded"],
        "single recordings lost: words, digits, letters, prompts": speech["lost_words"],
        "clips of three seconds and more lost": speech["lost_sentences"],
    }
    said = [
        f"| {row['above']}–{row['up_to']} | {row['said']} % | {_interval(row)} |" for row in language["reliability"]
    ]
    heard = [
        f"| {name} | {' | '.join(str(count) for count in row.values())} |" for name, row in language["heard_as"].items()
    ]
    languages = " | ".join(language["heard_as"])
    parts = [
        _HEAD,
        f"Weights: sha256 `{report['sha256']}`.\n",
        "## Language of people, clips of three seconds and more\n",
        _table(("", "share"), whole),
        "\n" + _table(("language", "right"), language["languages"]),
        "\n" + _table(("length", "right"), language["lengths"]),
        "\n## How far an answer can be trusted\n",
        "\n".join(["| probability | it says | it is right |", "|---|---|---|", *said]),
        "\n## Spoken (rows) and heard (columns)\n",
        "\n".join([f"| | {languages} |", "|---" * (len(language["heard_as"]) + 1) + "|", *heard]),
        "\n## By speaker\n",
        _table(("speaker", "right"), language["speakers"]),
        "\n" + _table(("speaker of another language", "gets 0.8 or more"), language["unknown_speakers"]),
        "\n## Whether anybody speaks\n",
        _table(("", "share"), silence),
    ]
    if speech["lost_by"]:
        parts.append("\n" + _table(("speaker", "lost"), speech["lost_by"]))
    return "\n".join(parts) + "\n"
