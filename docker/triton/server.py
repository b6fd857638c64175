"""Finds a tritonserver on this machine and says how to start it: NVIDIA's image, or the server inside a PyPI wheel.

The wheel `nvidia-pytriton` carries the server and the Python backend but no ONNX Runtime; for it a backend directory is
put together that adds ours. In NVIDIA's image nothing is prepared: its own backends serve.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from docker.triton import releases

IMAGE_SERVER = Path("/opt/tritonserver/bin/tritonserver")
IMAGE_RUNTIME = Path("/opt/tritonserver/backends/onnxruntime")
RUNTIME_PACKAGES = ("onnxruntime", "onnxruntime-gpu")
OWN_BACKENDS = Path(__file__).parent / "backends"
# What the launcher and the backend of ONNX Runtime both judge by.
SHARED_RULES = Path(__file__).parent / "agreement.py"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# 24.10 keeps this many gRPC call objects for reuse; a larger pool makes its crashes on abandoned calls rarer.
GRPC_POOL_CALLS = 1024
EXIT_TIMEOUT_SECONDS = 5
# What calls take and give back stays with the process, as in the gateway (frontend/memory/allocator.py): it saves a
# fourteenth of what `vad` costs here for 64 streams (docs/benchmarks/vad.md).
_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
    "MALLOC_TOP_PAD_": str(1 << 20),
}


class LaunchError(Exception):
    """The server cannot be started. The text is one line that says what to do."""


@dataclass(frozen=True)
class Ports:
    host: str
    grpc: int
    http: int
    metrics: int


@dataclass(frozen=True)
class Installation:
    """A tritonserver that can be started: program, environment, and the backend directory unless it has its own."""

    program: Path
    environment: Mapping[str, str]
    backend_directory: Path | None = None


def find(state_directory: Path, environment: Mapping[str, str]) -> Installation:
    """The server of NVIDIA's image when we are inside it, else the one of the wheel beside this interpreter."""
    if IMAGE_SERVER.exists():
        refuse_wrong_runtime(native_runtime(IMAGE_RUNTIME))
        return Installation(IMAGE_SERVER, environment)
    problem = wheel_problem()
    if problem:
        raise LaunchError(problem)
    refuse_wrong_runtime(packaged_runtime())
    wheel = wheel_directory()
    backends = prepare_backends(wheel, state_directory / "backends")
    return Installation(wheel / "bin" / "tritonserver", _wheel_environment(environment), backends)


def refuse_wrong_runtime(version: str | None) -> None:
    """Where there is none at all, Triton says so of each model that wants it."""
    problem = releases.refusal(version) if version is not None else None
    if problem:
        raise LaunchError(problem)


def native_runtime(backend: Path) -> str | None:
    """What the library beside NVIDIA's backend says it is: its C API begins with GetApi and GetVersionString."""
    library = next(iter(sorted(backend.glob("libonnxruntime.so*"))), None)
    if library is None:
        return None
    try:
        loaded = ctypes.CDLL(str(library))
        loaded.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p * 2)
        told = ctypes.CFUNCTYPE(ctypes.c_char_p)(loaded.OrtGetApiBase().contents[1])()
    except (OSError, AttributeError) as error:
        raise LaunchError(f"{library} cannot be asked for its release ({error}): use another image") from error
    return (told or b"").decode()


def packaged_runtime() -> str | None:
    for package in RUNTIME_PACKAGES:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None


def wheel_directory() -> Path:
    return site_packages() / "pytriton" / "tritonserver"


def wheel_problem() -> str | None:
    if IMAGE_SERVER.exists() or (wheel_directory() / "bin" / "tritonserver").exists():
        return None
    return "no tritonserver in this environment: `pip install --no-deps --require-hashes -r docker/wheels.txt`"


def site_packages() -> Path:
    return Path(sysconfig.get_path("platlib"))


def prepare_backends(wheel: Path, backends: Path) -> Path:
    """Copies, never links: Triton refuses a backend whose files "escape" its directory."""
    stub = wheel / "python_backend_stubs" / PYTHON / "triton_python_backend_stub"
    if not stub.exists():
        raise LaunchError(f"the wheel has no Triton stub for Python {PYTHON}: use Python 3.11 or 3.12")
    shutil.rmtree(backends, ignore_errors=True)
    shutil.copytree(OWN_BACKENDS, backends, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(SHARED_RULES, backends / "onnxruntime")
    python_backend = backends / "python"
    python_backend.mkdir(parents=True)
    for source in (*(wheel / "backends" / "python").glob("*.*"), stub):
        shutil.copy(source, python_backend / source.name)
    return backends


def libpython_directory() -> Path | None:
    """Where the loader will find this Python's shared library, which the stub needs; None when it is not there."""
    name = sysconfig.get_config_var("INSTSONAME") or ""
    library = f"libpython{PYTHON}.so.1.0"
    own = Path(sysconfig.get_config_var("LIBDIR") or "/nowhere") / library
    if name == library and own.exists():
        return own.parent
    named = [Path(each) for each in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if each]
    found = next((folder for folder in named if (folder / library).exists()), None)
    return found or _system_libpython_directory(library)


def _system_libpython_directory(library: str) -> Path | None:
    ldconfig = shutil.which("ldconfig", path=os.pathsep.join([os.environ.get("PATH", ""), "/sbin", "/usr/sbin"]))
    if ldconfig is None:
        return None
    listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        name, _, path = line.strip().partition(" => ")
        if name.startswith(library + " ") and Path(path).exists():
            return Path(path).parent
    return None


def _wheel_environment(environment: Mapping[str, str]) -> dict[str, str]:
    libpython = libpython_directory()
    if libpython is None:
        raise LaunchError(
            f"libpython{PYTHON}.so.1.0 is missing: install it, on Debian with `apt-get install libpython{PYTHON}`"
        )
    libraries = [str(site_packages() / "nvidia_pytriton.libs"), str(libpython), environment.get("LD_LIBRARY_PATH", "")]
    return {
        "OMP_NUM_THREADS": "1",  # each stub's numpy would otherwise start a pool as large as the machine
        **_MALLOC,
        **environment,
        # The stub finds its site-packages through the `python3` that PATH names first.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
    }


def command(installation: Installation, ports: Ports, repository: Path, shared_memory_prefix: str) -> list[str]:
    """Everything but the models to load."""
    backends = installation.backend_directory
    return [
        str(installation.program),
        f"--model-repository={repository}",
        *([f"--backend-directory={backends}"] if backends else []),
        f"--grpc-address={ports.host}",
        f"--grpc-port={ports.grpc}",
        f"--http-address={ports.host}",
        f"--http-port={ports.http}",
        f"--metrics-address={ports.host}",
        f"--metrics-port={ports.metrics}",
        "--model-control-mode=explicit",
        "--exit-on-error=false",  # one broken model leaves the others serving
        "--disable-auto-complete-config",
        f"--exit-timeout-secs={EXIT_TIMEOUT_SECONDS}",
        f"--grpc-infer-allocation-pool-size={GRPC_POOL_CALLS}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix}",
    ]
