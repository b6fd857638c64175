"""The door before the HTTP endpoints: where there are keys, only what probes ask for is answered without one."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from frontend.caller import Caller
from frontend.config.checks import require_known
from frontend.config.settings import Settings
from frontend.connection.request_id import REQUEST_ID
from frontend.connection.shared import SHARED
from frontend.errors import ClientError
from frontend.keys.visits import Visit
from frontend.protocols import PROTOCOLS
from frontend.telemetry.metrics import Metrics

CALLER = web.RequestKey("caller", Caller)
VISIT = web.RequestKey("visit", Visit)

# Scrapers and probes have no keys, who opens the page has yet to show one, and the descriptions say where it goes.
_OPEN = frozenset(
    {"/", "/page/{name}", "/docs", "/docs/{name}", "/metrics", "/health", "/health/live", "/health/ready"}
)
# Who works on this machine may list what is kept on it: ids alone.
_OPEN_HERE = frozenset({"/export"})
# Whatever else a key is for.
_ANY_KEYS = frozenset({"/tokens"})
# Where paths begin that are allowed and forbidden together.
_GROUPS = (
    ("/export", "exports"),
    ("/v1/listen", "deepgram"),
    ("/v1/realtime", "openai_realtime"),
    ("/v1/", "openai"),
)
# What a key's `protocols` may name beside the protocols.
REST_NAMES = ("exports", "openai", "rest")
# What a key may be for.
NAMES = frozenset({*(protocol.profile.name for protocol in PROTOCOLS), *REST_NAMES})


def require_known_names(options: Settings) -> None:
    """SettingsError where keys or addresses may use what there is not."""
    for section, quota in (("key_limits", options.key_limits), ("address_limits", options.address_limits)):
        require_known(f"{section}.protocols", quota.protocols, NAMES)


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
        request[CALLER] = caller = door.admit(request, request[REQUEST_ID], keyless=keyless)
        request[VISIT] = visit = Visit(request.app[SHARED].visits, caller, _protocols(path))
        _begin(visit, request.app[SHARED].metrics)
    return await handler(request)


def _begin(visit: Visit, metrics: Metrics) -> None:
    try:
        visit.begin()
    except ClientError as e:
        metrics.refused.labels(e.code).inc()
        raise


def _protocols(path: str) -> tuple[str, ...]:
    """What may be allowed and forbidden to keys, as part of what this path is."""
    if path in _ANY_KEYS:
        return ()
    return (next((name for begin, name in _GROUPS if path.startswith(begin)), REST_NAMES[-1]),)


def path_of(request: web.Request) -> str | None:
    """The path of the endpoint that a request is for, as the pages write it; None where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical.removesuffix("/") or "/" if resource else None
