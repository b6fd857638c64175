"""What travels to a machine with a card: chosen out of the locks and out of the packages."""

import io
import lzma
import tarfile
from pathlib import Path

from tests.gpu import package


def test_each_package_that_travels_is_pinned_with_its_hashes() -> None:
    entries = list(package.pinned())
    assert {entry.partition("==")[0].lower() for entry in entries} == set(package.CONTENTS)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_of_large_packages_only_what_serves_travels(tmp_path: Path) -> None:
    there = {
        "nvidia_pytriton.libs/libtritonserver.so": True,
        "nvidia_pytriton.libs/libpython3-1.13.so.1.0": False,
        "pytriton/tritonserver/bin/tritonserver": True,
        "pytriton/tritonserver/python_backend_stubs/3.12/triton_python_backend_stub": True,
        "pytriton/tritonserver/python_backend_stubs/3.11/triton_python_backend_stub": False,
        "pytriton/client/client.py": False,
        "onnxruntime/capi/libonnxruntime_providers_cuda.so": True,
        "onnxruntime/capi/libonnxruntime_providers_tensorrt.so": False,
        "onnxruntime/tools/deep/file.py": False,
        "moonshine_voice/assets/tiny-en/encoder_model.ort": True,
        "moonshine_voice.libs/libonnxruntime.so": False,
        "soxr/__init__.py": True,
        "numpy/core/deep/inside.so": True,
        "numpy/core/tests/test_numeric.py": False,
    }
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert {str(path) for path in package.selected(tmp_path, "3.12")} == {name for name, goes in there.items() if goes}


def test_parts_are_no_larger_than_asked_and_make_the_whole_again(tmp_path: Path) -> None:
    stage = tmp_path / "gpu"
    stage.mkdir()
    (stage / "start.sh").write_text("exit 0\n")
    parts = package.pack(stage, tmp_path / "parts", 100)
    assert len(parts) > 1
    assert all(part.stat().st_size <= 100 for part in parts[:-1])
    whole = lzma.decompress(b"".join(part.read_bytes() for part in sorted(parts)))
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        assert "gpu/start.sh" in tar.getnames()
