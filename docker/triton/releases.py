"""Which releases of ONNX Runtime this project's graphs are right in; the others are not served on.

Found by running every graph in each (`make matrix`), and by NVIDIA's backend with the libraries of its images.
"""

from __future__ import annotations

import re

OLDEST_RUNTIME = (1, 22, 0)
OLDEST_IMAGE = "25.05"  # the first of NVIDIA's images with it
WRONG = (
    ((1, 20, 0), "lacks kernels that the graphs need"),
    ((1, 21, 1), "answers batches wrongly without a word, by an error in its attention"),
    ((1, 22, 0), "lacks the kernels of int8 graphs"),
)


def refusal(version: str) -> str | None:
    """Why nothing is served on this ONNX Runtime, and what to do; None for one that is right."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        return f"ONNX Runtime {version!r} is of no known release: use 1.22.0 or newer"
    numbers = tuple(map(int, found.groups()))
    fault = next((fault for before, fault in WRONG if numbers < before), None)
    return fault and (
        f"ONNX Runtime {version} {fault}: use 1.22.0 or newer (NVIDIA's images from {OLDEST_IMAGE} on have it; "
        "elsewhere delete .venv and start again)"
    )
