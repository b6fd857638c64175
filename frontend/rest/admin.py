"""The admin listener: what operators and their programs ask for, where clients do not come."""

import dataclasses
from collections.abc import Sequence

from aiohttp import web

from frontend.config.settings import Admin
from frontend.connection.accept import RECEPTION, Reception
from frontend.connection.door import Door
from frontend.connection.shared import SHARED, Shared
from frontend.keys.guard import Guard
from frontend.keys.keyring import Keyring
from frontend.keys.visits import Visits
from frontend.rest import ROUTES, build, figures, health, with_slashes
from frontend.rest.entrance import entrance
from frontend.rest.replies import answer, dress


def admin_application(shared: Shared, reception: Reception) -> web.Application:
    """It asks for no keys and counts nothing: who reaches its address is trusted, but for pages in a browser there."""
    options = dataclasses.replace(shared.options.server, host=shared.options.admin.host, allowed_origins=())
    app = web.Application(middlewares=[answer, entrance])
    app[RECEPTION] = reception
    guard = Guard(Keyring())
    door = Door(options, guard, shared.metrics)
    app[SHARED] = dataclasses.replace(shared, door=door, visits=Visits(guard))
    app.on_response_prepare.append(dress)
    app.add_routes(with_slashes((*health.ROUTES, *figures.ROUTES, *build.ROUTES)))
    return app


def client_routes(admin: Admin) -> Sequence[web.RouteDef]:
    """What clients may ask for: without what the admin listener has taken over."""
    if not admin.enabled:
        return ROUTES
    hidden = [health.READY] if admin.public_metrics else [health.READY, figures.METRICS]
    return (*(route for route in ROUTES if route not in hidden), health.READY_IN_SHORT)
