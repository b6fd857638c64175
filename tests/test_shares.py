"""Several pytests share the tests: each test is run by one of them, and none is lost."""

import os
import subprocess
import sys
from pathlib import Path

from tests.triton_server import ROOT

FILES = 6


def shared(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.shares", "-c", os.devnull, "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def write(folder: Path, name: str, *lines: str) -> None:
    body = "".join(f"    {line}\n" for line in lines)
    (folder / f"test_{name}.py").write_text(
        f"import os, pathlib, pytest\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n):\n{body}"
    )


def test_each_test_is_run_once_and_whoever_saw_one_fail_says_so(tmp_path: Path) -> None:
    for number in range(FILES):
        write(tmp_path, str(number), f"pathlib.Path(f'{number} {{n}} {{os.getpid()}}').touch()")
    write(tmp_path, "last", "assert n == 1, 'what went wrong'")
    told = shared(tmp_path)
    run = [path.name.split()[:2] for path in tmp_path.glob("* * *")]
    assert sorted(run) == [[str(number), n] for number in range(FILES) for n in "12"]
    assert told.returncode == 1
    assert "what went wrong" in told.stdout
    assert f"{2 * FILES + 1} passed, 1 failed in " in told.stdout.splitlines()[-1]


def test_what_a_pytest_that_died_took_along_is_told_as_lost(tmp_path: Path) -> None:
    for number in range(FILES):
        write(tmp_path, str(number), "pass")
    write(tmp_path, "last", "os._exit(0)")
    told = shared(tmp_path)
    assert told.returncode
    assert " lost in " in told.stdout.splitlines()[-1]
