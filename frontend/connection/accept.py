"""Where connections arrive: which protocol, whether there is room, and the session that serves them."""

import asyncio
import functools
import uuid
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from frontend.caller import Caller
from frontend.connection import handshake
from frontend.connection.arriving import Bounds
from frontend.connection.event_socket import EventSocket
from frontend.connection.gathering import Gathering
from frontend.connection.paths import Paths
from frontend.connection.request_id import REQUEST_ID
from frontend.connection.session import Session, Socket
from frontend.connection.shared import Shared
from frontend.connection.stays import Stays
from frontend.connection.websocket import WebSocket
from frontend.connection.writing import Writes
from frontend.errors import (
    GatewayError,
    OverloadedError,
    UnauthorizedError,
    UnavailableError,
    UpgradeRequiredError,
    WrongKeysError,
)
from frontend.keys.places import subprotocol
from frontend.keys.visits import Visit
from frontend.memory.budget import Allowance
from frontend.protocols import PROTOCOLS
from frontend.protocols.base import Context, Profile, WireProtocol
from frontend.speech import Manifest
from frontend.telemetry.logs import Log


class Reception:
    """Takes what comes as a WebSocket, and knows who is there."""

    def __init__(self, shared: Shared, paths: Paths) -> None:
        self._shared, self._paths = shared, paths
        self._server = shared.options.server
        self._sessions: dict[str, Session] = {}
        self._outliving: set[Session] = set()
        self._connections, self._left_behind = shared.ledger.tally("connections"), shared.ledger.tally("outliving")
        self._stays = Stays()
        self._closing = False
        batching = shared.options.batching
        self._writes = Writes()
        self._gathering = Gathering(batching.wait_ms / 1000, batching.vad_rows, shared.speech.hurry)
        # Which listener each bound port number belongs to; known once the listeners are bound.
        self.port_names: Mapping[int, str] = {}

    def new_id(self) -> str:
        """Eight hexadecimal characters that no live connection has, in no process."""
        while True:
            connection_id = uuid.uuid4().hex[:8]
            if connection_id not in self._sessions and self._shared.ledger.owns(int(connection_id, 16)):
                return connection_id

    def port_of(self, request: web.Request) -> str:
        """The name of the listener that a request came to."""
        bound = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        return self.port_names.get(bound, "")

    @property
    def upgrade_elsewhere(self) -> Middleware:
        """Upgrades on paths that no protocol names belong to the port's owner."""

        @web.middleware
        async def upgrade_elsewhere(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await (self.upgrade if _is_upgrade(request) else handler)(request)

        return upgrade_elsewhere

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """From here on the connection is a session's: of the request nothing stays."""
        protocol = self._protocol(request)
        connection_id = request[REQUEST_ID]
        caller = self._shared.door.admit(request, connection_id, protocol.profile.keys)
        visit = self._visit(caller, protocol)
        try:
            manifests = self._admit(protocol, visit)
            conversation = protocol(Context(visit, self._shared.options, manifests, query=request.query))
            if request.transport is None:  # it is gone already
                self._free(visit)
            else:
                self._begin(conversation, visit, self._upgraded(request, request.transport, conversation, visit))
        except Exception as e:
            self._free(visit)
            if isinstance(e, GatewayError):
                self._shared.metrics.refused.labels(e.code).inc()
            raise
        return web.Response(status=101)  # to nobody: it has been said

    def _upgraded(
        self, request: web.Request, transport: asyncio.Transport, conversation: WireProtocol, visit: Visit
    ) -> WebSocket:
        bounds = self._bounds(conversation.profile)
        socket = WebSocket(transport, bounds, self._server, self._gathering, self._writes)
        if visit.needs_key:
            socket.most_kept_bytes = self._shared.options.limits.unknown_message_bytes
            visit.on_known = lambda: setattr(socket, "most_kept_bytes", bounds.message_bytes)
        more = {"X-Connection-Id": request[REQUEST_ID], **conversation.headers()}
        if agreed := subprotocol(request.headers):
            more[hdrs.SEC_WEBSOCKET_PROTOCOL] = agreed
        transport.write(handshake.accepted(request.headers, more))
        return socket

    @functools.cached_property
    def plain(self) -> Mapping[str, Callable[[], EventSocket]]:
        """What serves the connections to each listener whose protocol needs no upgrade."""
        return {each.profile.name: self._events(each) for each in PROTOCOLS if each.profile.transport == "events"}

    def _events(self, protocol: type[WireProtocol]) -> Callable[[], EventSocket]:
        bounds = self._bounds(protocol.profile)
        return lambda: EventSocket(bounds, self._server, functools.partial(self._receive, protocol))

    def _receive(self, protocol: type[WireProtocol], socket: EventSocket) -> None:
        shared, profile = self._shared, protocol.profile
        caller = Caller(self.new_id(), socket.address)
        visit = self._visit(caller, protocol)
        try:
            if shared.door.keys and profile.name not in shared.options.keys.without:
                raise UnauthorizedError("keys are needed here, and this protocol has no place for one (keys.without)")
            context = Context(visit, shared.options, self._admit(protocol, visit))
            self._begin(protocol(context), visit, socket)
        except Exception as e:
            self._free(visit)
            log = Log("session", caller.connection_id)
            if isinstance(e, GatewayError):
                error = e
                shared.metrics.refused.labels(e.code).inc()
                log.warning("refused", protocol=profile.name, code=e.code, reason=str(e))
            else:
                error = GatewayError("internal error")
                log.exception("a connection could not begin", e)
            self._stays.keep(socket.close(error.close_code, str(error)))

    async def drain(self) -> None:
        """Take no more; let every session answer what has arrived, then close it."""
        self._closing = True
        self._gathering.go()
        sessions = [*self._sessions.values(), *self._outliving]
        await asyncio.gather(*(session.drain(self._server.drain_seconds) for session in sessions))
        await self._stays.end(self._server.close_linger_seconds)

    def refused(self, error: GatewayError) -> None:
        """Before there was a request."""
        self._shared.metrics.refused.labels(error.code).inc()
        if isinstance(error, WrongKeysError):  # a line for each pause, not for each attempt
            return
        Log("rest").warning("refused", code=error.code, reason=str(error))

    def look_again(self) -> None:
        """Keys were exchanged: whoever came in with one that is none any more is hung up on."""
        for session in list(self._sessions.values()):
            if session.visit is not None and session.visit.revoked:
                session.turn_away(UnauthorizedError("the key was revoked"))

    def __len__(self) -> int:
        return len(self._sessions)

    def _protocol(self, request: web.Request) -> type[WireProtocol]:
        if not _is_upgrade(request):
            raise UpgradeRequiredError("connect to this path with a WebSocket client")
        handshake.check(request.headers)
        return self._paths.protocol(request.path, self.port_of(request))

    def _visit(self, caller: Caller, protocol: type[WireProtocol]) -> Visit:
        profile = protocol.profile
        return Visit(self._shared.visits, caller, profile.settles_as or (profile.name,))

    def _admit(self, protocol: type[WireProtocol], visit: Visit) -> dict[str, Manifest]:
        """What the protocol's models said of themselves, if there is room and they have answered before."""
        visit.begin()
        # Work for clients that left takes no place, but is no more than there are places.
        taken = max(self._connections.total, self._left_behind.total)
        if self._closing or taken >= self._server.max_connections:
            raise OverloadedError("the gateway takes no more connections now, try again later")
        self._shared.admission.admit(protocol.profile.memory_share)
        manifests = {model.name: self._shared.speech.manifest(model) for model in protocol.profile.models}
        known = {name: manifest for name, manifest in manifests.items() if manifest}
        if len(known) < len(manifests):
            raise UnavailableError("the models are not ready yet, try again soon")
        visit.take_place()
        # Other workers know of it before the client does, who may ask one of them for the next place at once.
        self._connections.set(len(self._sessions) + 1)
        return known

    def _free(self, visit: Visit) -> None:
        """Whoever is gone holds no place, whatever is still done for it."""
        visit.close()
        self._sessions.pop(visit.caller.connection_id, None)
        self._connections.set(len(self._sessions))

    def _begin(self, protocol: WireProtocol, visit: Visit, socket: Socket) -> None:
        caller, profile = visit.caller, protocol.profile
        log = Log("session", caller.connection_id)
        services = self._shared.services(visit, self._allowance(profile))
        session = Session(socket, protocol, services, self._shared.options.limits, log)
        self._sessions[caller.connection_id] = session
        self._connections.set(len(self._sessions))
        self._shared.admission.enter(profile.memory_share)
        self._shared.metrics.accepted.labels(profile.name).inc()
        self._shared.metrics.connections.labels(profile.name).inc()
        log.info("connected", protocol=profile.name, address=caller.address)
        session.begin()
        self._stays.keep(self._stay(session, visit, profile))

    async def _stay(self, session: Session, visit: Visit, profile: Profile) -> None:
        try:
            await session.run()
        finally:
            self._shared.admission.leave(profile.memory_share)
            self._shared.metrics.connections.labels(profile.name).dec()
            self._free(visit)
            await self._outlive(session)

    async def _outlive(self, session: Session) -> None:
        self._outliving.add(session)
        self._left_behind.set(len(self._outliving))
        try:
            await session.outlive()
        finally:
            self._outliving.discard(session)
            self._left_behind.set(len(self._outliving))

    def _bounds(self, profile: Profile) -> Bounds:
        limits = self._shared.options.limits
        return Bounds(getattr(limits, profile.message_limit), limits.discard_bytes, self._allowance(profile))

    def _allowance(self, profile: Profile) -> Allowance:
        """Where its messages are held, and what is decoded of them."""
        return self._shared.files if profile.memory_share == "files" else self._shared.held


def _is_upgrade(request: web.Request) -> bool:
    return handshake.is_attempted(request.method, request.version, request.headers)


RECEPTION = web.AppKey("reception", Reception)
