"""What was found, for people: lines, and pictures. `python -m tests.gpu.report report.json FOLDER` draws anew."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Found = Mapping[str, Any]
DOTS_PER_INCH = 120
LINES = {
    "offline": "asr, {clients} clients: {times_real_time:.0f} x real time, a piece {median_ms:.0f} ms, "
    "p95 {p95_ms:.0f} ms",
    "calls": "{model}, {rows} rows: {median_ms:.1f} ms, at most {worst_ms:.1f}",
    "live": "{streams} live streams: last words {late_median_seconds:.2f} s after the end, "
    "p95 {late_p95_seconds:.2f} s; first partial {first_partial_median_seconds:.2f} s; "
    "{partials_a_second:.1f} partials a second",
}


def text(found: Found) -> str:
    machine, served = found["machine"], found.get("served", {})
    lines = [f"# {machine['card'] or 'no card: a dry run on the CPU'}", f"{machine}"]
    lines += [agreement_line(each) for each in found.get("agreement", ())]
    lines += [token_line(each) for each in found.get("tokens", ())]
    lines += [f"served by: {served['providers']}"] if served else []
    for kind, template in LINES.items():
        lines += [template.format(**each) for each in {**served, **found}.get(kind, ())]
    return "\n".join([*lines, *(f"FAULT {fault}" for fault in found["faults"])])


def agreement_line(each: Found) -> str:
    differences = ", ".join(f"{name} {value:.1e}" for name, value in each["differences"].items() if name != "TOKEN")
    return f"{each['subject']} {each['precision']}: tokens of {each['same_tokens']}/{each['rows']} rows; {differences}"


def token_line(each: Found) -> str:
    floor = each["arithmetic_ms"]
    beside = f", {each['times_arithmetic']:.1f} times its arithmetic of {floor:.3f} ms" if floor else ""
    return (
        f"{each['subject']}, {each['way']}, {each['batch']} rows: a token {each['token_ms']:.2f} ms{beside}; without "
        f"tokens {each['encode_ms']:.1f} ms; {each['tokens']} tokens {each['call_ms']:.0f} ms, "
        f"{each['times_real_time']:.0f} x real time"
    )


def draw(found: Found, folder: Path) -> None:
    if found.get("tokens"):
        _draw_tokens(found, folder / "tokens.png")
    if found.get("live"):
        _draw_live(found, folder / "live.png")


def _drawing(*inches: float) -> Any:
    """The package takes half a second to be imported, by each who only tells too."""
    return importlib.import_module("matplotlib.figure").Figure(figsize=inches, layout="constrained")


def _draw_tokens(found: Found, path: Path) -> None:
    """A panel for each number of rows: the ways beside each other, and the arithmetic as a line."""
    batches = sorted({each["batch"] for each in found["tokens"]})
    names = list(dict.fromkeys(each["subject"] for each in found["tokens"]))
    drawing = _drawing(11, 3 * len(batches))
    for axes, batch in zip(drawing.subplots(len(batches), squeeze=False)[:, 0], batches, strict=True):
        for number, way in enumerate(("Loop", "steps", "captured steps")):
            chosen = [each for each in found["tokens"] if each["batch"] == batch and each["way"] == way]
            places = [names.index(each["subject"]) + 0.27 * (number - 1) for each in chosen]
            axes.bar(places, [each["token_ms"] for each in chosen], 0.25, label=way)
            floors = [float(each["arithmetic_ms"] or "nan") for each in chosen]
            axes.hlines(floors, [at - 0.12 for at in places], [at + 0.12 for at in places], color="black")
        axes.set_xticks(range(len(names)), names)
        axes.set(ylabel="ms a token", title=f"{batch} rows; black: the bare arithmetic in a captured graph")
        axes.legend()
    drawing.savefig(path, dpi=DOTS_PER_INCH)


def _draw_live(found: Found, path: Path) -> None:
    drawing = _drawing(7, 4)
    axes = drawing.subplots()
    streams = [each["streams"] for each in found["live"]]
    for name, label in (("late_median_seconds", "median"), ("late_p95_seconds", "p95")):
        axes.plot(streams, [each[name] for each in found["live"]], "o-", label=label)
    axes.set(xlabel="live streams", ylabel="s", title="last words after the end of speech")
    axes.legend()
    drawing.savefig(path, dpi=DOTS_PER_INCH)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
