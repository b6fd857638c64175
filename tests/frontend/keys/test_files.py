"""Key files: what they may hold, and what happens when they change or break under a running gateway."""

import asyncio
import hashlib
import logging
from pathlib import Path

import pytest

from frontend.errors import SettingsError
from frontend.keys.files import KeyFiles, keys_in
from frontend.keys.hashed import hashed

ALICES, BOBS = hashed("alice", "key of alice", "0123456789abcdef"), hashed("bob", "key of bob", "fedcba9876543210")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text(f"# who may come in\n\n{ALICES.line}\n  {BOBS.line}  \n# {ALICES.line}")
    path.chmod(0o600)
    return path


def test_a_file_holds_a_key_a_line_and_comments(path: Path) -> None:
    assert keys_in(path) == [ALICES, BOBS]


def test_a_line_can_be_made_with_what_every_machine_has() -> None:
    digest = hashlib.sha256(b"0123456789abcdef" + b"key of alice").hexdigest()
    assert ALICES.line == f"alice:sha256$0123456789abcdef${digest}"


@pytest.mark.parametrize(
    "line",
    [
        "alice:a-secret-in-plain-sight",
        ALICES.line[:-1],
        f"{ALICES.line}0",
        ALICES.line.replace("alice", "al ice"),
        ALICES.line.replace("sha256", "md5"),
        ALICES.line.replace("0123456789abcdef", ""),
        f"{ALICES.line} # a comment",
    ],
)
def test_what_cannot_be_used_is_told_by_its_number_and_never_repeated(path: Path, line: str) -> None:
    path.write_text(f"{BOBS.line}\n{line}\n")
    with pytest.raises(SettingsError, match=r"keys\.txt, line 2: must be ") as refused:
        KeyFiles([str(path)], ())
    assert "secret" not in str(refused.value)
    assert ALICES.digest.hex()[:-1] not in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no key file .*frontend\.keys add NAME"):
        KeyFiles([str(tmp_path / "none")], ())
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot read the key file"):
        KeyFiles([str(tmp_path / "binary")], ())


def test_keys_that_come_and_go_are_taken_over(path: Path) -> None:
    files = KeyFiles([str(path)], ("carol:key of carol",))
    assert files.keyring.name_of("key of alice") == "alice"
    path.write_text(BOBS.line)
    asyncio.run(files.refresh())
    assert [files.keyring.name_of(f"key of {name}") for name in ("alice", "bob", "carol")] == [None, "bob", "carol"]
    path.write_text("")
    asyncio.run(files.refresh())
    assert files.keyring.name_of("key of bob") is None


@pytest.mark.parametrize("breaking", ["alice:plain", None])
def test_a_file_that_breaks_leaves_the_keys_as_they_were_and_is_told_once(
    path: Path, breaking: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    files = KeyFiles([str(path)], ())
    path.write_text(breaking) if breaking else path.unlink()
    for _ in range(3):
        asyncio.run(files.refresh())
    assert files.keyring.name_of("key of alice") == "alice"
    assert [record.message for record in caplog.records] == ["the keys stay as they were"]
    path.write_text(f"{BOBS.line}\n")
    asyncio.run(files.refresh())
    assert files.keyring.name_of("key of alice") is None


def test_without_files_nobody_needs_a_key_and_with_an_empty_one_everybody(tmp_path: Path) -> None:
    assert not KeyFiles((), ()).keyring
    (tmp_path / "keys").write_text("# none yet\n")
    assert KeyFiles([str(tmp_path / "keys")], ()).keyring


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o660, True), (0o602, True)]
)
def test_a_file_that_others_may_read_or_write_is_warned_of(
    path: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        KeyFiles([str(path)], ())
    assert [record.message for record in caplog.records] == ["others may read or write a key file"] * warned
