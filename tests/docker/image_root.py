"""An image's steps followed into a clean folder, without an engine: what it copies, installs and sets.

Packages are not fetched again: of the environment of the tests exactly those are linked, in the versions that the
image's requirement files pin, into an environment that has nothing else.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.triton_server import ROOT

IGNORED = shutil.ignore_patterns("__pycache__", "[0-9]*")  # a repository's versions are mounted
PINNED = re.compile(r"^([\w.-]+)==([\w.+!-]+)", re.MULTILINE)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    body = re.sub(r"^\s*#.*\n", "", (ROOT / dockerfile).read_text(), flags=re.MULTILINE)
    lines = body.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


@dataclass(frozen=True)
class ImageRoot:
    """`folder` stands for /: what an image has in /srv lies in its srv."""

    dockerfile: str
    folder: Path

    @classmethod
    def of(cls, dockerfile: str, folder: Path) -> ImageRoot:
        root = cls(dockerfile, folder)
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        for name, rest in instructions(dockerfile):
            if name == "COPY":
                root._copy(rest.split())
            elif name == "RUN":
                for step in rest.split("&&"):
                    root._run(step.strip())
        return root

    @property
    def workplace(self) -> Path:
        return self.folder / self._said("WORKDIR").lstrip("/")

    @property
    def python(self) -> Path:
        return self.folder / "venv/bin/python"

    @property
    def newer_python(self) -> Path:
        """3.12, the one of NVIDIA's image, where there is one; else that of the tests, with as little beside it."""
        named = shutil.which("python3.12")
        if named and subprocess.run([named, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Path(named)
        return self.python

    @property
    def command(self) -> list[str]:
        program, *arguments = json.loads(self._said("CMD"))
        assert program in ("python", "python3")
        return [str(self.python), *arguments]

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """What the image sets, and nothing of ours but where programs are."""
        stated = dict(re.findall(r"(\w+)=(\S+)", self._said("ENV")))
        return {"PATH": f"{self.python.parent}:{os.defpath}", **stated, **changes}

    def files(self) -> set[str]:
        """All but what the container may write."""
        own = (path.relative_to(self.workplace) for path in self.workplace.rglob("*"))
        return {str(path) for path in own if path.parts[0] != "var"}

    def _said(self, wanted: str) -> str:
        return next(rest for name, rest in instructions(self.dockerfile) if name == wanted)

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        place = self.folder / target.lstrip("/") if target.startswith("/") else self.workplace / target
        for path in (found for source in sources for found in sorted(ROOT.glob(source.rstrip("/")))):
            if path.is_dir():
                shutil.copytree(path, place, dirs_exist_ok=True, ignore=IGNORED)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)

    def _run(self, step: str) -> None:
        program, *arguments = step.split(maxsplit=1)
        if program == "pip":
            for listed in re.findall(r"-r (\S+)", step):
                self.install((self.workplace / listed).read_text())
        elif program == "python":
            code = arguments[0].partition('-c "')[2].rpartition('"')[0]
            subprocess.run([self.python, "-c", code], cwd=self.workplace, env=self.environment({}), check=True)
        elif program == "install":
            (self.workplace / step.split()[-1]).mkdir()
        else:
            raise AssertionError(f"{self.dockerfile} runs {step!r}, which nothing here follows")

    def install(self, requirements: str) -> None:
        site = self.folder / "venv/lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
        for name, version in PINNED.findall(requirements):
            found = importlib.metadata.distribution(name)
            assert found.version == version, f"{name} {found.version} is installed here, the image has {version}"
            for top in _tops(found):
                link, own = site / top, Path(str(found.locate_file(top)))
                if own.exists() and not link.exists():
                    link.symlink_to(own)


def _tops(distribution: importlib.metadata.Distribution) -> Iterator[str]:
    """The files and folders that it lays into site-packages."""
    tops = {file.parts[0] for file in distribution.files or ()}
    yield from sorted(tops - {"..", "__pycache__", "bin"})
