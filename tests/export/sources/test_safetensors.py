"""Files of weights that are damaged or none."""

from pathlib import Path

import pytest

from export.failure import ExportError
from export.publishing.recipes import BUNDLED_FOLDER
from export.sources.safetensors import read_arrays


def test_truncated_weights_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((BUNDLED_FOLDER / path.name).read_bytes()[:-1000])
    with pytest.raises(ExportError, match=r"model\.safetensors cannot be read as safetensors: "):
        read_arrays(path)


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 64, (2).to_bytes(8, "little") + b"[]"])
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ExportError, match="cannot be read as safetensors"):
        read_arrays(tmp_path / "x")
