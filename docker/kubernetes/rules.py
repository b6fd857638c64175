"""The rules of Prometheus as its operator takes them. `python -m docker.kubernetes.rules` writes their file."""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "monitoring" / "rules.yaml"
_SOURCE = Path(__file__).parents[1] / "prometheus" / "rules.yml"


def content() -> dict[str, Any]:
    groups: dict[str, Any] = yaml.safe_load(_SOURCE.read_text())
    return groups


def written() -> str:
    head = "# Made of docker/prometheus/rules.yml by `python -m docker.kubernetes.rules`.\n"
    kind = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "speech"}}
    return head + yaml.safe_dump({**kind, "spec": content()}, sort_keys=False, width=120)


if __name__ == "__main__":
    FILE.write_text(written())
