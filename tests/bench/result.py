"""What a benchmark found: figures, some with a bar, as a table for people and a JSON file for tools."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.bars import Bar


@dataclass(frozen=True)
class Figure:
    """One number; `note` says what it stands on."""

    name: str
    value: float
    unit: str = ""
    bar: Bar | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        return self.bar is not None and not self.bar.holds(self.value)


@dataclass(frozen=True)
class Result:
    """`details` goes into the JSON file only."""

    member: str
    figures: Sequence[Figure]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> list[Figure]:
        return [figure for figure in self.figures if figure.missed]

    def table(self) -> str:
        """The figures in columns."""
        rows = [(figure.name, _number(figure), _verdict(figure), figure.note) for figure in self.figures]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{self.member} (absolute times are of this machine: {os.cpu_count()} cores, all parts share them)"]
        for name, number, verdict, note in rows:
            line = f"  {name:<{widths[0]}}  {number:>{widths[1]}}  {verdict:<{widths[2]}}  {note}"
            lines.append(line.rstrip())
        return "\n".join(lines)

    def save(self, folder: Path) -> Path:
        """Write `<member>.json`."""
        content = {
            "member": self.member,
            "cores": os.cpu_count(),
            "figures": [_as_json(figure) for figure in self.figures],
            "details": dict(self.details),
        }
        path = folder / f"{self.member}.json"
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return path


def _number(figure: Figure) -> str:
    value = figure.value
    if not math.isfinite(value):
        return "never"
    text = f"{value:.0f}" if value == round(value) and abs(value) >= 10 else f"{value:.3g}"
    return f"{text} {figure.unit}".rstrip()


def _verdict(figure: Figure) -> str:
    if figure.bar is None:
        return ""
    return f"{'MISSED' if figure.missed else 'ok'}, bar {figure.bar}"


def _as_json(figure: Figure) -> dict[str, Any]:
    bar = {"bar": str(figure.bar), "missed": figure.missed} if figure.bar else {}
    note = {"note": figure.note} if figure.note else {}
    return {"name": figure.name, "value": round(figure.value, 6), "unit": figure.unit, **bar, **note}
