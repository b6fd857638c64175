"""The HTTP endpoints beside the sockets: decode the request, call the service, encode the response."""

from collections.abc import Sequence

from aiohttp import web

from frontend.rest import build, exports, figures, health, summaries, templates

# (method, path, handler); every one is served on every port and documented in docs/protocols/rest.md.
ROUTES: Sequence[web.RouteDef] = (
    *health.ROUTES,
    *figures.ROUTES,
    *build.ROUTES,
    *templates.ROUTES,
    *summaries.ROUTES,
    *exports.ROUTES,
)
