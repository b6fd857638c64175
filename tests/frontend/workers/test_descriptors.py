"""How many open files there may be, and how many are needed."""

import subprocess
import sys

from frontend.workers import descriptors
from tests.triton_server import ROOT

RAISED = """
import resource
from frontend.workers.descriptors import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 500))
assert raise_limit() == 500
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised_to_the_most_that_is_allowed() -> None:
    command = [sys.executable, "-c", RAISED]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said == "(500, 500)\n"


def test_each_live_stream_needs_three() -> None:
    assert descriptors.needed(1000) - descriptors.needed(0) == 3000
    assert descriptors.needed(0) > 100
