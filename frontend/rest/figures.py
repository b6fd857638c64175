"""`/metrics`, for Prometheus or as a few figures in JSON; and `/`: the page, or that it works."""

import statistics
from collections.abc import Sequence
from typing import Any

from aiohttp import hdrs, web

from frontend.connection.accept import RECEPTION
from frontend.connection.shared import SHARED
from frontend.rest.page import index, wants_page
from frontend.telemetry.joining import Joined
from frontend.telemetry.metrics import CONTENT_TYPE

_JSON = "application/json"


async def root(request: web.Request) -> web.Response:
    if wants_page(request):
        return index(request)
    return web.json_response({"status": "ok", "service": "Triton Speech Gateway"})


async def metrics(request: web.Request) -> web.Response:
    shared = request.app[SHARED]
    accepted = request.headers.get(hdrs.ACCEPT)
    if accepted is None:
        as_json = request.app[RECEPTION].port_of(request) in shared.options.server.json_metrics_ports
    else:
        as_json = _JSON in accepted
    if as_json:
        return web.json_response(_few((await shared.figures.page()).figures, shared.metrics.processors.percent()))
    return web.Response(body=(await shared.figures.page()).text, headers={"Content-Type": CONTENT_TYPE})


def _few(figures: Joined, percent: Sequence[float]) -> dict[str, Any]:
    """What the clients of language detection know."""
    mine = {"protocol": "language_detection"}
    cores = [round(each, 2) for each in percent]
    total = statistics.fmean(cores) if cores else 0.0
    return {
        "active_connections": int(figures.value("gateway_connections", mine)),
        "active_processes": int(figures.value("gateway_language_detections")),
        "total_requests": int(figures.value("gateway_accepted_total", mine)),
        "errors": int(figures.value("gateway_errors_total", mine)),
        "avg_processing_time": round(figures.detection_seconds / max(1, figures.detections), 2),
        "memory_usage_mb": round(figures.value("gateway_resident_memory_bytes") / (1 << 20), 2),
        "cpu_total_percent": round(total, 2),
        "cpu_per_core": cores,
        "total_cpu_cores": len(cores),
        "effective_cores_used": round(total / 100 * len(cores), 2),
    }


METRICS = web.get("/metrics", metrics)

ROUTES = (web.get("/", root), METRICS)
