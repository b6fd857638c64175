"""`python -m frontend.keys add`: a key is shown once, its hash is kept."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from frontend.keys.__main__ import main
from frontend.keys.files import KeyFiles, keys_in
from tests.triton_server import ROOT


def test_the_command_makes_a_key_that_opens_and_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    command = [sys.executable, "-m", "frontend.keys", "add", "alice", "--file", str(path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    key = ran.stdout.strip()
    assert len(key) == 48
    assert key not in path.read_text() + ran.stderr
    assert KeyFiles([str(path)], ()).keyring.name_of(key) == "alice"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_key_is_added_and_shares_the_salt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("# mine")  # without an end of its line
    for name in ("alice", "bob", "alice"):
        assert main(["add", name, "--file", str(path)]) == 0
    keys = capsys.readouterr().out.split()
    keyring = KeyFiles([str(path)], ()).keyring
    assert [keyring.name_of(key) for key in keys] == ["alice", "bob", "alice"]
    assert len({key.salt for key in keys_in(path)}) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("al ice", "", "a name has 1 to 64 letters"),
        ("al:ice", "", "a name has 1 to 64 letters"),
        ("alice", "bob:a-secret", "line 1: must be name:sha256"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, words: str
) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(content)
    assert main(["add", name, "--file", str(path)]) == 2
    told = capsys.readouterr()
    assert (told.out, path.read_text()) == ("", content)
    assert words in told.err
    assert "a-secret" not in told.err


def test_a_folder_that_is_not_there_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["add", "alice", "--file", str(tmp_path / "none" / "keys.txt")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
