"""A dashboard as the JSON that Grafana is provisioned with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docker.grafana.panels import Dashboard, Panel

FOLDER = Path(__file__).parent / "dashboards"
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 24, 8  # of Grafana's grid, and of a panel
_SCHEMA_VERSION = 39  # of Grafana 11; later ones read it


def path(dashboard: Dashboard) -> Path:
    return FOLDER / f"{dashboard.uid}.json"


def written(dashboard: Dashboard) -> str:
    content = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["speech"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "schemaVersion": _SCHEMA_VERSION,
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_datasource()]},
        "panels": _panels(dashboard),
    }
    return json.dumps(content, indent=1) + "\n"


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []
    top = 0
    for question, panels in dashboard.rows.items():
        drawn.append(
            {
                **{"id": len(drawn) + 1, "type": "row", "title": question, "collapsed": False, "panels": []},
                "gridPos": {"x": 0, "y": top, "w": _WIDTH, "h": 1},
            }
        )
        top += 1
        height = _HEIGHT // 2 if panels[0].kind == "stat" else _HEIGHT
        across = 4 if panels[0].kind == "stat" else min(3, len(panels)) if len(panels) != 4 else 2
        for place, panel in enumerate(panels):
            x, y = place % across * _WIDTH // across, top + place // across * height
            box = {"x": x, "y": y, "w": _WIDTH // across, "h": height}
            drawn.append({"id": len(drawn) + 1, **_panel(panel), "gridPos": box})
        top += -(-len(panels) // across) * height
    return drawn


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.note,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


_OPTIONS: dict[str, Any] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"},
}
