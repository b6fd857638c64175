"""`python -m docker.grafana`: write the dashboards anew after their panels changed."""

from docker.grafana.drawing import path, written
from docker.grafana.panels import DASHBOARDS

if __name__ == "__main__":
    for dashboard in DASHBOARDS:
        path(dashboard).write_text(written(dashboard))
