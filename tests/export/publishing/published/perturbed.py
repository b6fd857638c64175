"""Measures a graph against weights that it was not made of; writes the difference for each changed parameter.

python -m tests.export.publishing.published.perturbed FOLDER PARAMETER...
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from export.parity.originals.whisper import measure
from export.publishing.families import whisper
from export.publishing.families.order import Order, Workplace
from export.sources.folder import locate

LARGEST_BYTES = 1 << 30


def differences(folder: str, parameters: list[str]) -> dict[str, float]:
    order = Order(locate(folder), "fp32", [], padding=False)
    found = whisper.read(order)
    measured = {}
    with tempfile.TemporaryDirectory() as place:
        path = whisper.write(found, order, Workplace(Path(place), LARGEST_BYTES))
        for name in parameters:
            changed = {**found.weights, name: found.weights[name] * 1.01}
            measured[name] = measure(path, replace(found, weights=changed), wants_padding=False)["max_difference"]
    return measured


if __name__ == "__main__":
    json.dump(differences(sys.argv[1], sys.argv[2:]), sys.stdout)
