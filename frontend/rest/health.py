"""`/health`, `/health/live` and `/health/ready`."""

from aiohttp import web

from frontend.rest.service import SERVICE


async def health(request: web.Request) -> web.Response:
    enabled = request.app[SERVICE].options.postprocess.enabled
    return web.json_response({"status": "ok", "postprocess_enabled": enabled})


async def live(_: web.Request) -> web.Response:
    """The process answers: nothing is said about the models."""
    return web.json_response({"status": "live"})


async def ready(request: web.Request) -> web.Response:
    """200 only while an inference through every model succeeds."""
    readiness = await request.app[SERVICE].speech.ready()
    models = {name: error or "ready" for name, error in readiness.errors.items()}
    body = {"status": "ready" if readiness.ready else "not ready", "models": models}
    return web.json_response(body, status=200 if readiness.ready else 503)


ROUTES = (
    web.get("/health", health),
    web.get("/health/live", live),
    web.get("/health/ready", ready),
)
