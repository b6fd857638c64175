"""How busy the processors are, from what the kernel counts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from frontend.telemetry import cpu_load

HEAD = "cpu  9 9 9 9 9 9 9 9 9 9\n"
TAIL = "intr 1 2 3\nctxt 4\n"


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, str], None]:
    """Sets the time, and what the kernel counts at it."""

    def tell(seconds: float, lines: str) -> None:
        monkeypatch.setattr(Path, "read_text", lambda *_args, **_more: HEAD + lines + TAIL)
        monkeypatch.setattr("frontend.telemetry.cpu_load.time.monotonic", lambda: seconds)

    return tell


def test_each_processor_has_its_own_share_and_waiting_for_the_disk_is_idle(
    kernel: Callable[[float, str], None],
) -> None:
    kernel(0.0, "cpu0 0 0 0 0 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n")
    processors = cpu_load.Processors()
    kernel(1.0, "cpu0 30 0 10 50 10 0 0 0 30 0\ncpu1 100 0 0 0 0 0 0 0 0 0\n")
    assert processors.percent() == pytest.approx([40.0, 100.0])


def test_who_asks_again_at_once_is_told_the_same(kernel: Callable[[float, str], None]) -> None:
    kernel(0.0, "cpu0 0 0 0 0 0 0 0 0 0 0\n")
    processors = cpu_load.Processors()
    assert processors.percent() == [0.0]
    kernel(0.6, "cpu0 50 0 0 50 0 0 0 0 0 0\n")
    assert processors.percent() == pytest.approx([50.0])
    kernel(0.7, "cpu0 150 0 0 50 0 0 0 0 0 0\n")
    assert processors.percent() == pytest.approx([50.0])


def test_a_kernel_that_counted_nothing_is_no_load(kernel: Callable[[float, str], None]) -> None:
    kernel(0.0, "cpu0 5 0 0 5 0 0 0 0 0 0\n")
    processors = cpu_load.Processors()
    kernel(1.0, "cpu0 5 0 0 5 0 0 0 0 0 0\n")
    assert processors.percent() == [0.0]


def test_this_machine_has_processors() -> None:
    assert all(0 <= each <= 100 for each in cpu_load.Processors().percent())
