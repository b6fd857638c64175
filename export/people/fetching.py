"""Packages into the cache: fetched by the registry's own client, held to their hash, unpacked, never installed."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from export.failure import ExportError
from export.people.archives import members
from export.people.packages import PACKAGES, Package

CACHE = Path("var/people")
_STAMP = ".sha256"
# Recordings, what is said in them, and the weights beside some; a game's pictures are left out.
_KEPT = (
    ".wav",
    ".ogg",
    ".flac",
    ".gsm",
    ".als",
    ".raw",
    ".txt",
    ".txt.gz",
    "/txt.done.data",
    "/transcription",
    ".transcription",
    ".ort",
    "/tokenizer.bin",
)
_FETCH_SECONDS = 600


def unpacked(name: str, cache: Path = CACHE) -> Path:
    """The folder of a package's recordings and texts, fetched the first time."""
    package, folder = PACKAGES[name], cache / name
    stamp = folder / _STAMP
    if not stamp.exists() or stamp.read_text() != package.sha256:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            _unpack(fetch(package, Path(scratch)), folder, package)
    return folder


def fetch(package: Package, folder: Path) -> Path:
    """The package's archive, exactly the one that is pinned."""
    found = _download(package, folder)
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise ExportError(f"{package.name} {package.version} has sha256 {digest}, not {package.sha256}: not used")
    return found


def _download(package: Package, folder: Path) -> Path:
    if package.wheel:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command = [*pip, "--only-binary", ":all:", f"{package.name}=={package.version}"]
    else:
        command = ["apt-get", "download", "--quiet", f"{package.name}={package.version}"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", timeout=_FETCH_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(f"{package.name} cannot be fetched: {error}") from error
    found = [path for path in folder.iterdir() if path.suffix in (".deb", ".whl")]
    if done.returncode or len(found) != 1:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        advice = "" if package.wheel else " (Debian's lists may be missing or old: apt-get update)"
        raise ExportError(f"{package.name} {package.version} cannot be fetched: {last}{advice}")
    return found[0]


def _unpack(archive: Path, folder: Path, package: Package) -> None:
    """All or nothing: the stamp is written last."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in members(archive):
        if not name.lower().endswith(_KEPT):
            continue
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise ExportError(f"{package.name} holds a file outside itself: {name}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.mkdir(exist_ok=True)
    (folder / _STAMP).write_text(package.sha256)
