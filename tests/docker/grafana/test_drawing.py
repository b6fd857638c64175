"""The dashboards' files: what their panels say, in the form that Grafana's own published types give them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from docker.grafana.drawing import path, written
from docker.grafana.panels import DASHBOARDS, Dashboard
from tests.triton_server import ROOT

NODE = ROOT / "tests" / "node"
every_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)


def typed(content: str) -> subprocess.CompletedProcess[str]:
    """What TypeScript says of a dashboard under the types of Grafana's schema package."""
    place = NODE / "node_modules" / ".dashboard.ts"  # where the package is found
    types = "@grafana/schema/dist/types/raw/dashboard/x/types.gen"
    place.write_text(f'import type {{ Dashboard }} from "{types}";\nexport const dashboard: Dashboard = {content};\n')
    compiler = [str(NODE / "node_modules" / ".bin" / "tsc"), "--noEmit", "--strict", "--skipLibCheck"]
    return subprocess.run([*compiler, "--moduleResolution", "node", str(place)], capture_output=True, text=True)


@every_dashboard
def test_its_file_is_what_its_panels_say(dashboard: Dashboard) -> None:
    assert path(dashboard).read_text() == written(dashboard), "python -m docker.grafana"


@every_dashboard
def test_no_panel_lies_on_another(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(written(dashboard))["panels"]:
        box = panel["gridPos"]
        cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
        assert not taken & cells, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_a_metric_that_a_panel_shows_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    for dashboard in DASHBOARDS:
        for panel in (panel for panels in dashboard.rows.values() for panel in panels):
            for name in re.findall(r"\b(?:gateway|asr)_[a-z_]+", " ".join(panel.queries.values())):
                assert re.sub("_(bucket|sum|count)$", "", name) in page, f"{panel.title}: {name}"


def test_grafanas_types_take_the_dashboards_and_refuse_a_wrong_one() -> None:
    for dashboard in DASHBOARDS:
        content = written(dashboard)
        assert (said := typed(content)).returncode == 0, said.stdout
    assert "DashboardCursorSync" in typed(content.replace('"graphTooltip": 1', '"graphTooltip": "yes"')).stdout


def test_grafana_finds_the_files_where_compose_puts_them() -> None:
    provisioning = Path("docker/grafana/provisioning/dashboards/dashboards.yml")
    assert "path: /etc/dashboards" in (ROOT / provisioning).read_text()
    assert "./grafana/dashboards:/etc/dashboards:ro" in (ROOT / "docker" / "compose.yaml").read_text()
