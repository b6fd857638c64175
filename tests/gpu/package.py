"""`python -m tests.gpu.package FOLDER`: what a machine with an NVIDIA GPU and without a network lacks, in parts.

Such a machine is taken to have Python 3.12, PyTorch (with the CUDA libraries that it brings) and common packages.
What travels: the server out of its wheel, ONNX Runtime for CUDA with the machine code of one kind of card, the
packages of which the machine has none or the wrong one, the models' sources and this project as it is committed.
There: `cat part-* | tar xJ && sh gpu/start.sh`.
"""

from __future__ import annotations

import argparse
import lzma
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.gpu.thinning import thin
from tests.triton_server import ROOT

LOCKS = ("tests/gpu/requirements.txt", "docker/requirements.txt", "docker/triton/requirements.txt", "docker/wheels.txt")
# By its name in the locks, what of it travels: everything where nothing is said.
CONTENTS = {
    "onnxruntime-gpu": (
        "onnxruntime/__init__.py", "onnxruntime/capi/*.py", "onnxruntime/capi/onnxruntime_pybind11_state*",
        "onnxruntime/capi/libonnxruntime_providers_[cs]*", "onnxruntime_gpu-*/METADATA",
    ),
    "nvidia-pytriton": (
        "nvidia_pytriton.libs/*", "pytriton/tritonserver/bin/*", "pytriton/tritonserver/backends/*/*",
        "pytriton/tritonserver/python_backend_stubs/{python}/*", "nvidia_pytriton-*/METADATA",
    ),
    "silero-vad": ("silero_vad/data/silero_vad_16k_sequence.onnx", "silero_vad/data/silero_vad.onnx",
                   "silero_vad-*/METADATA", "silero_vad-*/RECORD"),
    "resemblyzer": ("resemblyzer/pretrained.pt", "[Rr]esemblyzer-*/METADATA", "[Rr]esemblyzer-*/RECORD"),
    "moonshine-voice": ("moonshine_voice/assets/tiny-en/*", "moonshine_voice/assets/two_cities.wav",
                        "moonshine_voice-*/METADATA", "moonshine_voice-*/RECORD"),
    "numpy": ("numpy/*", "numpy.libs/*", "numpy-*/METADATA"),
    "tokenizers": (), "tritonclient": (), "python-rapidjson": (), "soundfile": (), "cffi": (), "pycparser": (),
    "soxr": (), "websockets": (),
}  # fmt: skip
LEFT = (
    "nvidia_pytriton.libs/libpython3*",
    "moonshine_voice.libs/*",
    "*/tests/*",
    "*/__pycache__/*",
    "*.pyi",
    "*.so.lib",
)
PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (35, 34, 31, 28, 27, 24, 17)] + ["manylinux2014_x86_64", "any"]
PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"
HOPPER = 90
# PyAV decodes files and Opus, 30 MB that live PCM does not need: the gateway finds its name, and no decoder.
NO_DECODERS = '"""Stands where PyAV would: on this machine no files are decoded."""\n'
MEBIBYTE = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu.package", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets the parts, and nothing else may be in it")
    parser.add_argument("--python", default="3.12", help="the other machine's, default: %(default)s")
    parser.add_argument("--architecture", type=int, default=HOPPER, help="of its card, default: %(default)s (Hopper)")
    parser.add_argument("--part-mib", type=float, default=127.0, help="the largest part, default: %(default)s")
    parser.add_argument("--without-house", action="store_true", help="this project is there already")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        stage = Path(place) / "gpu"
        fill(stage, options)
        sizes = [path.stat().st_size for path in pack(stage, options.folder, round(options.part_mib * MEBIBYTE))]
    print(f"{sum(sizes) / MEBIBYTE:.1f} MiB in {len(sizes)} parts in {options.folder}")
    return 0


def fill(stage: Path, options: argparse.Namespace) -> None:
    site = stage / "site"
    with tempfile.TemporaryDirectory() as place:
        print("fetching the packages", flush=True)
        install(Path(place), options.python)
        for name in selected(Path(place), options.python):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(place) / name, site / name)
    print(f"thinning ONNX Runtime's CUDA provider to architecture {options.architecture}", flush=True)
    (site / PROVIDER).write_bytes(thin(site / PROVIDER, options.architecture))
    (site / "av").mkdir()
    (site / "av" / "__init__.py").write_text(NO_DECODERS)
    shutil.copy(Path(__file__).with_name("start.sh"), stage)
    library = libpython(options.python)
    if library:
        (stage / "lib").mkdir()
        shutil.copy(library, stage / "lib")
    strip(stage)
    if not options.without_house:
        tree = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        (stage / "house").mkdir()
        subprocess.run(["tar", "x", "-C", stage / "house"], input=tree, check=True)


def strip(stage: Path) -> None:
    """Names for debuggers are a quarter of some libraries. The thinned one stays as it is, and so does what fails."""
    for path in [*stage.glob("lib/*"), *stage.glob("site/*.so")]:
        subprocess.run(["strip", "--strip-unneeded", path], check=False)


def install(place: Path, python: str) -> None:
    """Each package as its lock has it, for the other machine's Python."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--no-compile", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={each}" for each in PLATFORMS]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write("\n".join(pinned()))
        lock.flush()
        command += [f"--target={place}", "--require-hashes", "-r", lock.name]
        subprocess.run(command, check=True)


def pinned() -> Iterator[str]:
    """The lines of the locks about what travels; the first lock that has a package says which."""
    found = set()
    for lock in LOCKS:
        for entry in re.findall(r"^\S+==(?:.*\\\n)*.*$", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
            name = re.split(r"[=\[]", entry, maxsplit=1)[0].lower()
            if name in CONTENTS and name not in found:
                found.add(name)
                yield entry
    missing = set(CONTENTS) - found
    if missing:
        raise SystemExit(f"package: no lock has {', '.join(sorted(missing))}")


def selected(place: Path, python: str) -> list[Path]:
    files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    limited = {Path(pattern).parts[0] for patterns in CONTENTS.values() for pattern in patterns}
    wanted = [pattern.format(python=python) for patterns in CONTENTS.values() for pattern in patterns]
    return [
        path
        for path in files
        if not any(path.match(pattern) for pattern in LEFT)
        and (any(_under(path, each) for each in wanted) or not any(Path(path.parts[0]).match(top) for top in limited))
    ]


def _under(path: Path, pattern: str) -> bool:
    """Whether the file, or a folder above it, is what the pattern names."""
    depth = len(Path(pattern).parts)
    return Path(*path.parts[:depth]).match(pattern)


def libpython(python: str) -> Path | None:
    """Triton's stubs need it, and not every Python has it; this machine's, where it has the same Python."""
    name = f"libpython{python}.so.1.0"
    places = [
        Path(sys.base_prefix) / "lib",
        *Path(sys.base_prefix).parent.glob(f"{python}*/lib"),
        Path("/usr/lib/x86_64-linux-gnu"),
    ]
    return next((place / name for place in places if (place / name).exists()), None)


def pack(stage: Path, folder: Path, part_bytes: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    print("packing, which takes minutes", flush=True)
    parts, waiting = list[Path](), b""
    for data in compressed(stage):
        waiting += data
        while len(waiting) > part_bytes:
            parts.append(_part(folder, len(parts), waiting[:part_bytes]))
            waiting = waiting[part_bytes:]
    return [*parts, _part(folder, len(parts), waiting)]


def compressed(stage: Path) -> Iterator[bytes]:
    command = ["tar", "c", "-C", str(stage.parent), "--owner=0", "--group=0", stage.name]
    packer = lzma.LZMACompressor(preset=9)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        while data := tar.stdout.read(MEBIBYTE):
            yield packer.compress(data)
    if tar.returncode:
        raise SystemExit("package: tar failed")
    yield packer.flush()


def _part(folder: Path, number: int, data: bytes) -> Path:
    path = folder / f"part-{number:02d}"
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    sys.exit(main())
