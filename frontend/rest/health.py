"""`/health`, `/health/live`, `/health/ready` and `/metrics`."""

from aiohttp import web

from frontend.metrics import CONTENT_TYPE
from frontend.rest.service import SERVICE


async def health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "postprocess_enabled": False})


async def live(_: web.Request) -> web.Response:
    """The process answers: nothing is said about the models."""
    return web.json_response({"status": "live"})


async def ready(request: web.Request) -> web.Response:
    """200 only while an inference through every model succeeds."""
    readiness = await request.app[SERVICE].speech.ready()
    models = {name: error or "ready" for name, error in readiness.errors.items()}
    body = {"status": "ready" if readiness.ready else "not ready", "models": models}
    return web.json_response(body, status=200 if readiness.ready else 503)


async def metrics(request: web.Request) -> web.Response:
    return web.Response(body=request.app[SERVICE].metrics.render(), headers={"Content-Type": CONTENT_TYPE})


ROUTES = (
    web.get("/health", health),
    web.get("/health/live", live),
    web.get("/health/ready", ready),
    web.get("/metrics", metrics),
)
