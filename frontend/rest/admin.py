"""The admin listener: what operators and their programs ask for, where clients do not come."""

import dataclasses
from collections.abc import Sequence

from aiohttp import web

from frontend.config.settings import Admin
from frontend.connection.door import Door
from frontend.keys.keyring import Keyring
from frontend.rest import ROUTES, build, figures, health, with_slashes
from frontend.rest.entrance import entrance
from frontend.rest.replies import answer, name_server
from frontend.rest.service import SERVICE, Service


def admin_application(service: Service) -> web.Application:
    """It asks for no keys: who reaches its address is trusted."""
    options = dataclasses.replace(service.options.server, host=service.options.admin.host)
    app = web.Application(middlewares=[answer, entrance])
    app[SERVICE] = dataclasses.replace(service, door=Door(options, Keyring(), service.metrics))
    app.on_response_prepare.append(name_server)
    app.add_routes(with_slashes((*health.ROUTES, *figures.ROUTES, *build.ROUTES)))
    return app


def client_routes(admin: Admin) -> Sequence[web.RouteDef]:
    """What clients may ask for: without what the admin listener has taken over."""
    if not admin.enabled:
        return ROUTES
    hidden = [health.READY] if admin.public_metrics else [health.READY, figures.METRICS]
    return (*(route for route in ROUTES if route not in hidden), health.READY_IN_SHORT)
