"""Reading packages without installing them: Debian's (an ar archive with a tar in it) and wheels (zip)."""

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from export.failure import ExportError

_AR_MAGIC, _AR_HEADER_BYTES = b"!<arch>\n", 60


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The regular files of a package by their paths."""
    try:
        if archive.suffix == ".whl":
            yield from _zipped(archive)
        else:
            yield from _debian(archive)
    except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise ExportError(f"{archive} cannot be unpacked: {error}") from error


def _zipped(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            if not name.endswith("/"):
                yield name, wheel.read(name)


def _debian(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(_data(archive))) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name.removeprefix("./"), content.read()


def _data(archive: Path) -> bytes:
    """The member data.tar.*: what the package would install."""
    content = archive.read_bytes()
    if not content.startswith(_AR_MAGIC):
        raise ValueError("it is no Debian package")
    start = len(_AR_MAGIC)
    while start < len(content):
        header = content[start : start + _AR_HEADER_BYTES]
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        start += _AR_HEADER_BYTES
        if name.startswith("data.tar"):
            return content[start : start + size]
        start += size + size % 2
    raise ValueError("it has no data.tar")
