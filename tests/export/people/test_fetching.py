import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from export.failure import ExportError
from export.people.fetching import unpacked
from export.people.packages import PACKAGES, Package

SPOKEN = "usr/share/prompts/hello.wav"


def debian_package(files: dict[str, bytes]) -> bytes:
    """An ar archive with what a real one has in it: a version, and tars of control data and files."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": tar.getvalue()}
    packed = b"!<arch>\n"
    for name, content in parts.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        packed += b"\n" * (len(content) % 2)
    return packed


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the registry's client will fetch, whatever it is asked for: a client scripted for the test."""
    programs, file = tmp_path / "programs", tmp_path / "offered.deb"
    programs.mkdir()
    (programs / "apt-get").write_text(f"#!/bin/sh\necho $3 >{tmp_path}/asked\ncp {file} prompts_1_all.deb\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return file


def pin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    package = Package("prompts", "1:1.0-2", hashlib.sha256(content).hexdigest(), "GPL-2.0")
    monkeypatch.setitem(PACKAGES, "prompts", package)


def test_a_package_is_fetched_as_pinned_and_its_recordings_unpacked(
    offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = debian_package({SPOKEN: b"sound", "usr/share/prompts/picture.png": b"picture"})
    offered.write_bytes(content)
    pin(monkeypatch, content)
    folder = unpacked("prompts", tmp_path / "cache")
    assert (tmp_path / "asked").read_text() == "prompts=1:1.0-2\n"
    assert (folder / SPOKEN).read_bytes() == b"sound"
    assert not list(folder.rglob("*.png"))


def test_what_the_cache_holds_is_not_fetched_again(
    offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered.write_bytes(debian_package({SPOKEN: b"sound"}))
    pin(monkeypatch, offered.read_bytes())
    unpacked("prompts", tmp_path / "cache")
    (tmp_path / "asked").unlink()
    unpacked("prompts", tmp_path / "cache")
    assert not (tmp_path / "asked").exists()


def test_another_package_than_the_pinned_one_is_refused_and_leaves_nothing(
    offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered.write_bytes(debian_package({SPOKEN: b"other words"}))
    pin(monkeypatch, debian_package({SPOKEN: b"sound"}))
    with pytest.raises(ExportError, match=r"prompts 1:1\.0-2 has sha256 .*: not used"):
        unpacked("prompts", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_file_outside_the_package_is_not_written(
    offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered.write_bytes(debian_package({"../../escaped.wav": b"sound"}))
    pin(monkeypatch, offered.read_bytes())
    with pytest.raises(ExportError, match="outside itself"):
        unpacked("prompts", tmp_path / "cache")
    assert not list(tmp_path.rglob("escaped.wav"))


@pytest.mark.parametrize("content", [b"", b"<html>", debian_package({SPOKEN: b"sound"})[:-120], b"!<arch>\n"])
def test_a_damaged_package_says_so(
    content: bytes, offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered.write_bytes(content)
    pin(monkeypatch, content)
    with pytest.raises(ExportError, match="cannot be unpacked"):
        unpacked("prompts", tmp_path / "cache")


def test_what_the_client_says_is_passed_on(offered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "programs/apt-get").write_text("#!/bin/sh\necho E: no such version >&2\nexit 100\n")
    pin(monkeypatch, b"")
    with pytest.raises(ExportError, match=r"E: no such version \(Debian's lists may be missing or old"):
        unpacked("prompts", tmp_path / "cache")
