"""The unit tests are told from the others, and kept from starting what they may not."""

import subprocess
import sys

import onnxruntime
import pytest

from export.graphs.runtime import Runner
from tests.conftest import WATCH
from tests.frontend.client.scripted import run
from tests.triton_server import ROOT, running_triton
from tests.unit import Watch, starts_something


async def a_test_with_its_own_program() -> None:
    await run("live")


def a_test_with_its_own_server() -> None:
    with running_triton(ROOT, ROOT):
        pass


class AStage:
    def play(self) -> None:
        a_test_with_its_own_server()


def a_test_on_a_stage() -> None:
    AStage().play()


def a_test_of_a_graph() -> None:
    assert Runner(b"").signature()


def a_test_by_itself() -> None:
    assert sys.version


@pytest.mark.parametrize(
    "test", [a_test_with_its_own_program, a_test_with_its_own_server, a_test_on_a_stage, a_test_of_a_graph]
)
def test_what_a_test_starts_is_found_however_far_away(test: object) -> None:
    assert starts_something(test)


def test_what_starts_nothing_is_a_unit_test(request: pytest.FixtureRequest) -> None:
    assert not starts_something(a_test_by_itself)
    assert request.node.get_closest_marker("unit")


@pytest.mark.parametrize(
    ("event", "arguments", "words"),
    [
        ("subprocess.Popen", ("tritonserver", [], None, None), "starts tritonserver"),
        ("os.posix_spawn", ("node", [], {}), "starts node"),
        ("os.fork", (), "starts a process"),
        ("import", ("torch.nn", None, None, None, None), "imports torch.nn"),
        ("onnxruntime.InferenceSession", (), "loads a graph"),
        ("open", ("/lib/python3.11/site-packages/silero_vad/data/vad.onnx", "r", 0), "reads .*silero_vad"),
    ],
)
def test_a_unit_test_may_start_nothing_even_where_the_refusal_is_swallowed(
    event: str, arguments: tuple[object, ...], words: str
) -> None:
    watch = Watch()
    watch.hear(event, arguments)  # outside a unit test
    with pytest.raises(AssertionError, match=words), watch.over(), pytest.raises(AssertionError, match="no unit test"):
        watch.hear(event, arguments)


def test_the_watch_is_on() -> None:
    with pytest.raises(AssertionError, match="starts"), WATCH.over():
        subprocess.run(["true"], check=True)
    with pytest.raises(AssertionError, match="loads a graph"), WATCH.over():
        onnxruntime.InferenceSession(b"")
