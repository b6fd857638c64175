"""Where the weights of the bundled models come from: files inside installed packages."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from export.failure import ExportError


@dataclass(frozen=True)
class Source:
    """A file inside an installed distribution; found through its metadata, the package is never imported."""

    distribution: str
    version: str
    file: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} {self.file}"

    def sibling(self, name: str) -> "Source":
        return Source(self.distribution, self.version, str(Path(self.file).with_name(name)))

    def locate(self) -> Path:
        advice = f"pip install --no-deps {self.distribution}=={self.version}"
        try:
            distribution = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            raise ExportError(f"{self.distribution} is not installed: {advice}") from None
        if distribution.version != self.version:
            raise ExportError(
                f"{self.distribution} {distribution.version} is installed, {self.version} needed: {advice}"
            )
        path = Path(str(distribution.locate_file(self.file)))
        if not path.is_file():
            raise ExportError(f"{path} is missing: {advice} --force-reinstall")
        return path
