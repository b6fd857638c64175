"""What watches the service: rules that promtool tests, what to do about alerts, and a real Prometheus that scrapes."""

import asyncio
import contextlib
import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websockets
import yaml

from docker.grafana.panels import DASHBOARDS, Panel
from tests.gateway.rest import post_file
from tests.gateway_server import GatewayAddress, running_gateway, stop
from tests.pages import headings
from tests.sounds import wav
from tests.triton_server import ROOT, TritonAddress, free_ports, wait_until
from tests.voices import say, silence

FOLDER = ROOT / "docker" / "prometheus"
TOOLS = ROOT / ".venv" / "tools"
# Series of what this machine lacks, and of what a test cannot bring about in seconds.
WITHOUT_DATA = {"Utilisation", "Memory"}


def promtool(*arguments: str) -> str:
    done = subprocess.run([str(TOOLS / "promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_the_configuration_and_the_rules_are_right() -> None:
    promtool("check", "rules", "rules.yml")
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_alerts_fire_when_they_should() -> None:
    promtool("test", "rules", "rules_test.yml")


def test_every_alert_is_tested_and_has_a_section_that_says_what_to_do() -> None:
    tests = (FOLDER / "rules_test.yml").read_text()
    sections = headings("docs/monitoring.md")
    for alert in alerts():
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert page == "docs/monitoring.md"
        assert anchor in sections
        assert f"alertname: {alert['alert']}\n        exp_alerts" in tests


async def traffic(gateway: GatewayAddress) -> None:
    """A little of everything that panels show."""
    speech = np.concatenate([silence(0.3), say("good morning my name is marco"), silence(1.0)])
    async with websockets.connect(gateway.ws("/speech_summary_stream")) as voice:
        for message in ("16000", "nonsense", speech[:16000].tobytes()):
            await voice.send(message)
            await voice.recv()
    async with websockets.connect(gateway.ws("/", "live")) as live:
        for at in range(0, len(speech), 1600):
            await live.send(speech[at : at + 1600].tobytes())
            await asyncio.sleep(0)
        while "result" not in json.loads(await live.recv()):
            pass
        await live.send('{"eof": 1}')
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await live.recv()
    async with websockets.connect(gateway.ws("/ws/transcribe", "transcribe")) as transcribe:
        await transcribe.send(json.dumps({"type": "transcribe", "machine_id": "kitchen"}))
        await transcribe.send(wav(speech))
        await transcribe.recv()
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(gateway.ws("/speech_summary_stream"), origin=websockets.Origin("http://elsewhere"))
    summary = "/speech_summary_engine/get_speech_summary_from_file"
    await asyncio.to_thread(post_file, gateway, summary, wav(speech))


@contextlib.contextmanager
def scraping(gateway: GatewayAddress, triton: TritonAddress, place: Path) -> Iterator[str]:
    """A Prometheus with our rules, asked four times a second for what ours is asked every five seconds."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(FOLDER / "rules.yml")]
    targets = {"gateway": gateway.ports["voice"], "triton": triton.metrics_port}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    place.mkdir()
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    command = [
        str(TOOLS / "prometheus"),
        f"--config.file={place / 'prometheus.yml'}",
        f"--storage.tsdb.path={place / 'data'}",
    ]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def asked(prometheus: str, query: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": query.replace("$__rate_interval", "1m")})
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=10) as response:
            return list(json.load(response)["data"]["result"])
    except OSError:
        return []


def test_every_panel_shows_something_of_a_gateway_that_is_scraped(triton: TritonAddress, tmp_path: Path) -> None:
    settings = {"GATEWAY_SERVER__ALLOWED_ORIGINS": "['http://here']"}
    with (
        running_gateway(triton, tmp_path / "gateway", settings) as gateway,
        scraping(gateway, triton, tmp_path / "prometheus") as prometheus,
    ):
        asyncio.run(asyncio.wait_for(traffic(gateway), 60))  # the series begin; rates take two samples of each
        wait_until(lambda: bool(asked(prometheus, "gateway_accepted_total")), 60, lambda: "nothing scraped")
        asyncio.run(asyncio.wait_for(traffic(gateway), 60))
        queries = [
            (panel, query)
            for dashboard in DASHBOARDS
            for panels in dashboard.rows.values()
            for panel in panels
            for query in panel.queries.values()
            if panel.title not in WITHOUT_DATA or panel.unit == "short"
        ]
        missing: list[tuple[Panel, str]] = queries
        deadline = time.monotonic() + 60
        while missing and time.monotonic() < deadline:
            missing = [(panel, query) for panel, query in missing if not asked(prometheus, query)]
        assert not missing
        assert not asked(prometheus, 'ALERTS{alertstate="firing"}')
