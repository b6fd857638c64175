"""Short-lived keys for pages, which must not hold the key of whoever runs them."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aiohttp import web

from frontend.connection.shared import SHARED
from frontend.errors import ClientError, ForbiddenError
from frontend.keys.tickets import Ticket
from frontend.protocols import PROTOCOLS
from frontend.rest.bodies import json_object
from frontend.rest.entrance import CALLER, REST_NAMES

LIFETIMES_SECONDS, USUAL_SECONDS = range(10, 7201), 600
# Of these a page that everybody may open must not see what others left.
_USUAL = tuple(name for name in (*(each.profile.name for each in PROTOCOLS), *REST_NAMES) if name != "exports")


async def tokens(request: web.Request) -> web.Response:
    """One for whoever shows a key."""
    asked = await json_object(request)
    seconds, protocols = asked.get("expires_in", USUAL_SECONDS), asked.get("protocols", list(_USUAL))
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds not in LIFETIMES_SECONDS:
        raise ClientError("expires_in must be a whole number of seconds from 10 to 7200")
    known = {*_USUAL, *REST_NAMES}
    if not (isinstance(protocols, list) and protocols and all(isinstance(each, str) for each in protocols)):
        raise ClientError("protocols must be a list of at least one name")
    if unknown := [each for each in protocols if each not in known]:
        raise ClientError(f"protocols holds {unknown[0][:40]!r}, which is none of {', '.join(sorted(known))}")
    expires = int(time.time()) + seconds
    token = issued(request, expires, protocols=protocols)
    return web.json_response({"token": token, "expires_in": seconds, "expires_at": expires, "protocols": protocols})


def issued(
    request: web.Request,
    expires: int,
    terms: Mapping[str, Any] = MappingProxyType({}),
    protocols: Sequence[str] = (),
) -> str:
    caller = request[CALLER]
    if caller.by_ticket:
        raise ForbiddenError("a token makes no others: show the key")
    ticket = Ticket(caller.key_name, expires, dict(terms), caller.mark, tuple(protocols))
    return request.app[SHARED].door.keys.tickets.issue(ticket)


ROUTES = (web.post("/tokens", tokens),)
