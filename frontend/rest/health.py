"""`/health`, `/health/live` and `/health/ready`."""

from aiohttp import web

from frontend.connection.shared import SHARED
from frontend.speech import Readiness


async def health(request: web.Request) -> web.Response:
    enabled = request.app[SHARED].options.postprocess.enabled
    return web.json_response({"status": "ok", "postprocess_enabled": enabled})


async def live(_: web.Request) -> web.Response:
    """The process answers: nothing is said about the models."""
    return web.json_response({"status": "live"})


async def ready(request: web.Request) -> web.Response:
    """200 only while an inference through every model and engine succeeds; says which does not, and where they run."""
    shared = request.app[SHARED]
    readiness = await shared.speech.ready()
    models = {name: error or "ready" for name, error in readiness.errors.items()}
    engines = {name: error or "ready" for name, error in readiness.engines.items()}
    more: dict[str, object] = {"engines": engines} if engines else {}
    if len(readiness.endpoints) > 1:
        more["endpoints"] = {
            address: {name: error or "ready" for name, error in errors.items()}
            for address, errors in readiness.endpoints.items()
        }
    return _readiness(
        readiness, models=models, providers=dict(readiness.providers), load=shared.admission.told(), **more
    )


async def ready_in_short(request: web.Request) -> web.Response:
    """The same for those whom it does not concern what runs behind it."""
    return _readiness(await request.app[SHARED].speech.ready())


def _readiness(readiness: Readiness, **details: object) -> web.Response:
    body = {"status": "ready" if readiness.ready else "not ready", **details}
    return web.json_response(body, status=200 if readiness.ready else 503)


READY = web.get("/health/ready", ready)
READY_IN_SHORT = web.get("/health/ready", ready_in_short)

ROUTES = (
    web.get("/health", health),
    web.get("/health/live", live),
    READY,
)
