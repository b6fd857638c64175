"""`make run`: checks the machine, makes missing models, then runs Triton and the gateway until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from docker import preflight
from docker.triton import server

if TYPE_CHECKING:
    from frontend.config.settings import Settings

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Programs:
    """What is run besides Triton's launcher. Tests put stand-ins here."""

    export: Sequence[str] = (sys.executable, "-m", "export")
    gateway: Sequence[str] = (sys.executable, "-m", "frontend")


def main(arguments: Sequence[str] | None = None, programs: Programs | None = None) -> int:
    options = parse(arguments)
    problem = preflight.python_problem(sys.version_info[:2])
    if problem:
        return refuse([problem])
    # Imported late: an unsupported Python must get as far as the message above.
    from frontend.config.loading import load
    from frontend.errors import SettingsError

    try:
        settings = load(options.config, os.environ)
    except SettingsError as error:
        return refuse([str(error)])
    warning = preflight.shared_memory_warning(free_shared_memory_bytes())
    if warning:
        print(f"run: {warning}", file=sys.stderr)
    problems = machine_problems(options, settings)
    if problems:
        return refuse(problems)
    return start(options, settings, programs or Programs())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m docker.run", description=__doc__)
    parser.add_argument("--config", type=Path, help="the gateway's configuration, default: the bundled one")
    parser.add_argument(
        "--repository", type=Path, default=ROOT / "model_repository", help="what Triton serves, default: %(default)s"
    )
    parser.add_argument(
        "--var", type=Path, default=ROOT / "var", help="for logs and Triton's state, default: %(default)s"
    )
    parser.add_argument(
        "--ready-seconds",
        type=float,
        default=120.0,
        help="not ready after this time: say which part is not, and go on waiting; default: %(default)s",
    )
    return parser.parse_args(arguments)


def refuse(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"run: {problem}", file=sys.stderr)
    return 1


def machine_problems(options: argparse.Namespace, settings: Settings) -> list[str]:
    from frontend.workers.descriptors import needed

    checks: list[Callable[[], str | None]] = [
        lambda: preflight.glibc_problem(os.confstr("CS_GNU_LIBC_VERSION")),
        lambda: preflight.numpy_problem(installed_version("numpy")),
        server.wheel_problem,
        lambda: preflight.libpython_problem(server.libpython_directory()),
        lambda: preflight.disk_problem(options.var),
        lambda: preflight.disk_problem(options.repository),
        lambda: preflight.shared_memory_problem(free_shared_memory_bytes()),
        lambda: preflight.open_files_problem(hard_open_files(), needed(settings.server.max_connections)),
    ]
    problems = [problem for check in checks if (problem := check())]
    return problems + preflight.port_problems(listeners(settings))


def listeners(settings: Settings) -> list[preflight.Listener]:
    triton = settings.triton
    ports = {"grpc_port": triton.grpc_port, "http_port": triton.http_port, "metrics_port": triton.metrics_port}
    gateway = [preflight.Listener(f"ports.{n}", settings.server.host, p) for n, p in settings.port_numbers.items()]
    if settings.admin.enabled:
        gateway.append(preflight.Listener("admin.port", settings.admin.host, settings.admin.port))
    return gateway + [preflight.Listener(f"triton.{name}", triton.host, port) for name, port in ports.items()]


def installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def hard_open_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def free_shared_memory_bytes() -> int:
    usage = os.statvfs("/dev/shm")
    return usage.f_bavail * usage.f_frsize


def start(options: argparse.Namespace, settings: Settings, programs: Programs) -> int:
    from docker.stack import Stack, run_stack
    from docker.supervisor import die_with_parent

    export = [*programs.export, "--repository", str(options.repository)]
    if subprocess.run(export, cwd=ROOT, preexec_fn=die_with_parent()).returncode:
        return refuse(["the models could not be made (see above): repeat it alone with `make models`"])
    config = ["--config", str(options.config)] if options.config else []
    run_stack(Stack(settings, [*programs.gateway, *config], options.repository, options.var, options.ready_seconds))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
