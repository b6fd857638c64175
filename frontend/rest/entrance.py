"""The door before the HTTP endpoints: where there are keys, only what probes ask for is answered without one."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from frontend.caller import Caller
from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED

CALLER = web.RequestKey("caller", Caller)

# Scrapers and probes have no keys, who opens the page has yet to show one, and the descriptions say where it goes.
_OPEN = frozenset(
    {"/", "/page/{name}", "/docs", "/docs/{name}", "/metrics", "/health", "/health/live", "/health/ready"}
)
# Who works on this machine may list what is kept on it: ids alone.
_OPEN_HERE = frozenset({"/export"})


@web.middleware
async def entrance(request: web.Request, handler: Handler) -> web.StreamResponse:
    door, path = request.app[SHARED].door, path_of(request)
    if request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
        door.look(request)  # a browser asks before it shows a key
        return web.Response(status=204)
    if path is None or path in _OPEN:
        door.look(request)
    else:
        keyless = path in _OPEN_HERE and door.is_from_here(request)
        request[CALLER] = door.admit(request, request[REQUEST_ID], keyless=keyless)
    return await handler(request)


def path_of(request: web.Request) -> str | None:
    """The path of the endpoint that a request is for, as the pages write it; None where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical.removesuffix("/") or "/" if resource else None
