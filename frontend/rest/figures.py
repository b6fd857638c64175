"""`/metrics`: for Prometheus, or for those who want a few figures as JSON; and `/`, which says that it works."""

import statistics
from typing import Any

from aiohttp import hdrs, web

from frontend.rest.service import SERVICE
from frontend.telemetry.metrics import CONTENT_TYPE

_JSON = "application/json"


async def root(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "service": "Triton Speech Gateway"})


async def metrics(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    accepted = request.headers.get(hdrs.ACCEPT)
    if accepted is None:
        as_json = service.port_of(request) in service.options.server.json_metrics_ports
    else:
        as_json = _JSON in accepted
    if as_json:
        return web.json_response(_figures(request))
    return web.Response(body=service.metrics.render(), headers={"Content-Type": CONTENT_TYPE})


def _figures(request: web.Request) -> dict[str, Any]:
    """What the clients of language detection know."""
    metrics = request.app[SERVICE].metrics
    mine = {"protocol": "language_detection"}
    cores = [round(percent, 2) for percent in metrics.processors.percent()]
    total = statistics.fmean(cores) if cores else 0.0
    return {
        "active_connections": int(metrics.value("gateway_connections", mine)),
        "active_processes": int(metrics.value("gateway_language_detections")),
        "total_requests": int(metrics.value("gateway_accepted_total", mine)),
        "errors": int(metrics.value("gateway_errors_total", mine)),
        "avg_processing_time": round(statistics.fmean(metrics.detection_seconds or [0.0]), 2),
        "memory_usage_mb": round(metrics.value("gateway_resident_memory_bytes") / (1 << 20), 2),
        "cpu_total_percent": round(total, 2),
        "cpu_per_core": cores,
        "total_cpu_cores": len(cores),
        "effective_cores_used": round(total / 100 * len(cores), 2),
    }


METRICS = web.get("/metrics", metrics)

ROUTES = (web.get("/", root), METRICS)
