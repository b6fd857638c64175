"""Key files of a gateway that runs: keys that come open it, keys that go do not."""

import subprocess
import sys
from pathlib import Path

from tests.gateway.rest import ask
from tests.gateway_server import running_gateway
from tests.triton_server import ROOT, wait_until


def test_keys_of_files_come_and_go_while_the_gateway_runs(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"

    def add(name: str) -> str:
        command = [sys.executable, "-m", "frontend.keys", "add", name, "--file", str(file)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    def status(key: str) -> int:
        return ask(gateway, "/core/get_build_info", headers={"key": key})[0]

    first = add("first")
    settings = {"GATEWAY_KEYS__FILES": f"[{file}]", "GATEWAY_KEYS__RELOAD_SECONDS": "0.1"}
    with running_gateway(None, tmp_path, settings) as gateway:
        assert status(first) == 200
        second = add("second")
        wait_until(lambda: status(second) == 200)
        assert status(first) == 200
        file.write_text("\n".join(line for line in file.read_text().splitlines() if "first" not in line))
        wait_until(lambda: status(first) == 401)
        assert status(second) == 200
        log = gateway.log_file.read_text()
        assert first not in log + file.read_text()
