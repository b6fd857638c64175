"""A checkpoint's folder: one on disk, or fetched from the hub by name; its facts, hashes and licence."""

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from export.failure import ExportError

HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
# Never a pickle where there are safetensors, and none of the copies for other frameworks.
WANTED = ("*.json", "*.txt", "*.safetensors", "README.md")
PICKLED = ("pytorch_model*.bin",)
UNKNOWN_LICENCE = "unknown: see the source"


@dataclass(frozen=True)
class Checkpoint:
    """Where the files are, and under which name the user asked for them."""

    name: str
    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        config = self.json("config.json")
        if config is None:
            raise ExportError(f"{self.folder} has no config.json: it is not a checkpoint in the hub's layout")
        return config

    @property
    def kind(self) -> str:
        return str(self.config.get("model_type"))

    def json(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ExportError(f"{path} is not JSON ({error}): fetch it again") from None
        if not isinstance(content, dict):
            raise ExportError(f"{path} is not an object of JSON: fetch it again")
        return content

    def licence(self) -> str:
        """From the model card's head, the project's own manifest, or the configuration."""
        card = self.folder / "README.md"
        head = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        named = re.search(r"\A---\n(?:.*\n)*?license:[ \t]*[\"']?([^\s\"']+)", head)
        if named:
            return named[1]
        for facts in (self.json("manifest.json") or {}, self.config):
            stated = facts.get("licence") or facts.get("license")
            if stated:
                return str(stated)
        return UNKNOWN_LICENCE

    def sha256(self) -> dict[str, str]:
        """Of every file that can have gone into the version."""
        kept = [
            path for path in sorted(self.folder.iterdir()) if path.suffix in (".json", ".safetensors", ".bin", ".txt")
        ]
        return {path.name: _digest(path) for path in kept if path.is_file()}


def locate(name: str, adapter: str | None = None) -> Checkpoint:
    """A folder if there is one of this name, else the hub's copy of it; adapters of other languages stay there."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Checkpoint(folder.resolve().name if name.startswith((".", "/", "~")) else name, folder)
    if folder.exists() or not HUB_NAME.fullmatch(name):
        raise ExportError(f"{name} is neither a folder nor a name on the hub (owner/model)")
    return Checkpoint(name, _fetched(name, adapter))


def _fetched(name: str, adapter: str | None) -> Path:
    hub, errors = (importlib.import_module(each) for each in ("huggingface_hub", "huggingface_hub.errors"))
    adapters = ["adapter.*"] if adapter is None else []
    foreign = [*adapters, "flax_model*", "tf_model*", "onnx/*", "original/*"]
    wanted = [*WANTED] if adapter is None else [*WANTED, f"adapter.{adapter}.*"]
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=wanted, ignore_patterns=foreign))
        if not any(folder.glob("model*.safetensors")):
            folder = Path(hub.snapshot_download(name, allow_patterns=[*wanted, *PICKLED], ignore_patterns=foreign))
    except errors.RepositoryNotFoundError:
        raise ExportError(f"the hub has no {name}, or it needs a login: check the name, or pass a folder") from None
    except errors.HfHubHTTPError as error:
        raise ExportError(f"the hub refuses {name} ({_first_line(error)}): try later, or pass a folder") from None
    except Exception as error:  # each transport has its own kind of "no connection"
        raise ExportError(
            f"no network to fetch {name} ({type(error).__name__}): download the folder elsewhere and pass its path"
        ) from None
    return folder


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
