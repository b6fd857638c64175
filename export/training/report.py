"""The bundled model's accuracy report as a page, made from its figures."""

from typing import Any

_HEAD = """# The bundled speech recogniser: accuracy

Made by `python -m export.training.evaluation` from export/bundled/report.json; do not edit.

It knows one closed grammar of everyday phrases, dates, numbers and prices, in six languages, as speech synthesizers
speak it. It is no recogniser of real speech, and nothing here was measured on a human voice. Its text is lower case,
without punctuation, numbers in words.

Texts are split by a hash of their English sentence: no rendering of a test sentence was trained, in any language; its
words were, in other sentences and, a few together in no order, in none. The language is given to the decoder; how well
it is found is in its own column. Speech taken for silence is the share of clips where no speech was likelier than every
language; it is not taken out of the other figures. Percentages.
"""
_COLUMNS = "clips | WER | CER | exact | language | taken for silence | translation WER | translation exact"


def _row(name: str, figures: dict[str, Any]) -> str:
    translation = figures["translation"] or {"wer": "", "exact": ""}
    cells = [figures[key] for key in ("clips", "wer", "cer", "exact", "language", "taken_for_silence")]
    return " | ".join(["", name, *map(str, cells), str(translation["wer"]), str(translation["exact"]), ""]).strip()


def _table(first: str, rows: list[str]) -> str:
    head = f"| {first} | {_COLUMNS} |"
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows])


def markdown(report: dict[str, Any]) -> str:
    splits, silence, three = report["splits"], report["without_speech"], report["language_at_3_seconds"]
    parts = [
        _HEAD,
        f"Weights: sha256 `{report['weights_sha256']}`; "
        f"step {report['training']['step']} of {report['training']['steps']}, seed {report['training']['seed']}.\n",
        "## By what was new\n",
        _table("split", [_row(split["title"], split["all"]) for split in splits.values()]),
        "\n## Language after 3 s, unseen voices\n",
        f"{three['right']} % of {three['clips']} clips.",
        "\n## Without speech\n",
        f"{silence['clips']} clips of digital silence, white, pink and brown noise, hum, clicks, music-like chords, "
        f"tones, DTMF, sweeps and DC, 0.1 to 30 s: text from {silence['text']} %; the first token is no speech on "
        f"{silence['first_token_is_no_speech']} %; with that ignored and a language forced, text from "
        f"{silence['text_when_the_language_is_forced']} %.",
        "\n## Speed\n",
        f"PyTorch, one thread, transcribing and translating: {report['real_time_factor']} seconds a second of audio.",
    ]
    for split in splits.values():
        if split["languages"]:
            rows = [_row(language, figures) for language, figures in split["languages"].items()]
            parts += [f"\n## {split['title']}\n", _table("language", rows)]
    return "\n".join(parts) + "\n"
