"""The unit tests are told from the others, and kept from starting what they may not."""

import subprocess
import sys

import pytest

from tests.conftest import WATCH
from tests.frontend.client.scripted import run
from tests.triton_server import ROOT, running_triton
from tests.unit import Watch, starts_programs


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


def a_test_by_itself() -> None:
    assert sys.version


@pytest.mark.parametrize("test", [a_test_with_its_own_program, a_test_with_its_own_server, a_test_on_a_stage])
def test_what_a_test_starts_is_found_however_far_away(test: object) -> None:
    assert starts_programs(test)


def test_what_starts_nothing_is_a_unit_test(request: pytest.FixtureRequest) -> None:
    assert not starts_programs(a_test_by_itself)
    assert "unit" in request.keywords


@pytest.mark.parametrize(
    ("event", "arguments", "words"),
    [
        ("subprocess.Popen", ("tritonserver", [], None, None), "starts tritonserver"),
        ("os.posix_spawn", ("node", [], {}), "starts node"),
        ("os.fork", (), "starts a process"),
        ("import", ("torch.nn", None, None, None, None), "imports torch.nn"),
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
