"""Reading behind the writer of an export, which may end meanwhile."""

import os
import threading
from pathlib import Path

import pytest

from frontend.recordings.reading import Reading


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "audio"
    path.write_bytes(b"0123456789")
    return path


def is_open(path: Path) -> bool:
    """Whether this process has it open."""
    return any(os.path.realpath(f"/proc/self/fd/{each}") == str(path) for each in os.listdir("/proc/self/fd"))


def test_it_is_opened_when_it_is_read_and_goes_on_without_its_name(file: Path) -> None:
    reading = Reading(lambda: os.open(file, os.O_RDONLY))
    assert not is_open(file)
    reading.open()
    file.unlink()
    assert reading.read(2, 3) == b"234"
    reading.close()


def test_nothing_is_read_or_opened_after_the_end(file: Path) -> None:
    reading = Reading(lambda: os.open(file, os.O_RDONLY))
    reading.close()
    for use in (reading.open, lambda: reading.read(0, 1)):
        with pytest.raises(OSError, match="the export is over"):
            use()
    assert not is_open(file)


def test_what_is_read_when_the_end_comes_is_read_from_this_file_which_is_closed_behind_it(file: Path) -> None:
    is_opening, go_on = threading.Event(), threading.Event()

    def opened() -> int:
        number = os.open(file, os.O_RDONLY)
        is_opening.set()
        go_on.wait(30)
        return number

    reading, found = Reading(opened), list[bytes]()
    reader = threading.Thread(target=lambda: found.append(reading.read(0, 4)))
    reader.start()
    assert is_opening.wait(30)
    reading.close()  # does not wait
    assert is_open(file)
    go_on.set()
    reader.join(30)
    assert found == [b"0123"]
    assert not is_open(file)
