"""The HTTP endpoints beside the sockets: decode the request, call the service, encode the response."""

from collections.abc import Iterable, Iterator, Sequence

from aiohttp import web

from frontend.rest import (
    build,
    deepgram,
    descriptions,
    exports,
    figures,
    health,
    openai,
    page,
    summaries,
    templates,
    tokens,
)

# (method, path, handler); every one is served on every port and documented in docs/protocols/rest.md.
ROUTES: Sequence[web.RouteDef] = (
    *health.ROUTES,
    *figures.ROUTES,
    *page.ROUTES,
    *descriptions.ROUTES,
    *build.ROUTES,
    *templates.ROUTES,
    *summaries.ROUTES,
    *exports.ROUTES,
    *openai.ROUTES,
    *deepgram.ROUTES,
    *tokens.ROUTES,
)


def with_slashes(routes: Iterable[web.RouteDef]) -> Iterator[web.RouteDef]:
    """Each path with a slash at its end means the path."""
    for route in routes:
        yield route
        if route.path != "/":
            yield web.RouteDef(route.method, f"{route.path}/", route.handler, route.kwargs)
