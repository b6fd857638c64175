"""What the unit tests ran through, package by package: docs/coverage.md is written anew, and below the bar it fails.

Reads what `coverage run` left; `make coverage` does both.
"""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import coverage

from tests.triton_server import ROOT

PACKAGES = ("protocols", "machines", "connection")
BAR_PERCENT = 95.0
PAGE = ROOT / "docs" / "coverage.md"
HEAD = f"""# Coverage

How much of the packages that decide what a client hears the unit tests (`make unit`) run through. Statements are those
run at least once; branches are the ways out of each decision. The goal is 100 %, the bar {BAR_PERCENT:g} %: below it
`make coverage`, which writes this table, fails.

| package | statements | run | branches | taken |
| --- | --- | --- | --- | --- |
"""


def main() -> int:
    files = measured()
    rows = [Row(package, files) for package in PACKAGES]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "".join(map(str, rows)))
    for path, file in sorted(files.items()):
        if Path(path).parts[1] in PACKAGES and (file["missing_lines"] or file["missing_branches"]):
            sys.stdout.write(f"{path}: lines {file['missing_lines']} branches {file['missing_branches']}\n")
    sys.stdout.write("".join(map(str, rows)))
    return 0 if all(row.is_enough for row in rows) else 1


def measured() -> dict[str, Any]:
    """Each file of the last run, as coverage's JSON report has it."""
    data = coverage.Coverage()
    data.load()
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        data.json_report(outfile=report.name)
        return dict(json.load(report)["files"])


class Row:
    def __init__(self, package: str, files: dict[str, Any]) -> None:
        self.package = package
        self.sums: Counter[str] = Counter()
        for path, file in files.items():
            if Path(path).parts[:2] == ("frontend", package):
                self.sums.update({name: value for name, value in file["summary"].items() if isinstance(value, int)})

    @property
    def is_enough(self) -> bool:
        return min(self.percent("covered_lines", "num_statements"), self.branch_percent) >= BAR_PERCENT

    @property
    def branch_percent(self) -> float:
        return self.percent("covered_branches", "num_branches")

    def percent(self, part: str, whole: str) -> float:
        """Rounded down to a tenth: 100 means everything."""
        return int(1000 * self.sums[part] / self.sums[whole]) / 10 if self.sums[whole] else 0.0

    def __str__(self) -> str:
        run = self.percent("covered_lines", "num_statements")
        statements, branches = self.sums["num_statements"], self.sums["num_branches"]
        return f"| `{self.package}` | {statements} | {run:.1f} % | {branches} | {self.branch_percent:.1f} % |\n"


if __name__ == "__main__":
    sys.exit(main())
