"""Who is let in: one policy for all sockets and requests, by the name and the page they come with, and their key."""

import ipaddress
from collections.abc import Mapping, Set
from typing import Protocol

from multidict import MultiMapping

from frontend.caller import Caller
from frontend.config.settings import Server
from frontend.errors import GatewayError, HostError, OriginError, UnauthorizedError
from frontend.keys.guard import Guard
from frontend.keys.places import IN_REQUEST, Place, keys_in
from frontend.telemetry.metrics import Metrics

_SHOWN_CHARACTERS = 100
# Who sends one of these asks for somebody else, or for a page.
_FOR_OTHERS = ("Origin", "Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")


class Request(Protocol):
    """What is looked at of one."""

    @property
    def headers(self) -> MultiMapping[str]: ...

    @property
    def query(self) -> Mapping[str, str]: ...

    @property
    def remote(self) -> str | None: ...


class Door:
    def __init__(self, server: Server, guard: Guard, metrics: Metrics) -> None:
        self._guard = guard
        self.keys = guard.keyring
        self._origins = {origin.lower() for origin in server.allowed_origins}
        self.any_page = "*" in self._origins
        self._hosts = {_name(host) for host in (*server.allowed_hosts, server.host)}
        self._any_host = "*" in self._hosts or not (server.allowed_hosts or _is_this_machine(server.host))
        self._proxies = [ipaddress.ip_network(proxy) for proxy in server.trusted_proxies]
        self._refused = metrics.refused

    def look(self, request: Request) -> None:
        """HostError or OriginError for who may not even ask."""
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        # Without a Host it is no browser's.
        if host and not (self._any_host or _name(host) in self._hosts or _address(host) or _is_this_machine(host)):
            shown = host[:_SHOWN_CHARACTERS]
            raise self._counted(HostError(f"{shown} is none of this gateway's names (server.allowed_hosts)"))
        if origin is not None and not self.takes_page(origin):
            raise self._counted(OriginError("pages of this origin may not call (server.allowed_origins)"))

    def takes_page(self, origin: str) -> bool:
        return self.any_page or origin.lower() in self._origins

    def admit(
        self, request: Request, connection_id: str, places: Set[Place] = IN_REQUEST, *, keyless: bool = False
    ) -> Caller:
        """Who it is; UnauthorizedError for wrong keys alone, and for none where one is needed now.

        Without a name is let in whose protocol has the key in a message, and who may be `keyless`.
        """
        self.look(request)
        caller = Caller(connection_id, self.address(request))
        try:
            known = self._guard.identify(caller, keys_in(request.headers, request.query, places))
        except UnauthorizedError as e:
            raise self._counted(e) from None
        if known is not None:
            return known
        if not self.keys or keyless or "message" in places:
            return caller
        raise self._counted(UnauthorizedError("a key is needed, in the header key or Authorization"))

    def address(self, request: Request) -> str:
        """Of who asks; of who asks through proxies that are trusted, the last that they did not add themselves."""
        remote = request.remote or ""
        # As one list (RFC 9110, 5.3): some proxies add a line, some to the line that the client sent.
        passed_on = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",") if self._proxies else []
        while passed_on and self._is_proxy(remote) and (before := _address(passed_on.pop().strip())):
            remote = str(before)  # without the port that some add
        return remote

    def shuts_out(self, remote: str) -> float:
        """How long no connection from there is looked at; through a proxy come others than showed wrong keys."""
        return 0.0 if self._proxies and self._is_proxy(remote) else self._guard.shuts_out(remote)

    def _is_proxy(self, remote: str) -> bool:
        address = _address(remote)
        return address is not None and any(address in network for network in self._proxies)

    def is_from_here(self, request: Request) -> bool:
        """Whether a program on this machine asks: not for others, as proxies do, nor for a page in a browser."""
        if any(header in request.headers for header in _FOR_OTHERS):
            return False
        # A page that was pointed at this machine comes from here too, but under a name of its own.
        return _is_this_machine(request.remote or "") and _is_this_machine(request.headers.get("Host", "localhost"))

    def _counted(self, error: GatewayError) -> GatewayError:
        self._refused.labels(error.code).inc()
        return error


def _name(host: str) -> str:
    """Without port, in one spelling."""
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[").lower()
    if host.count(":") > 1:  # an IPv6 address as the settings have it
        return host.lower()
    return host.partition(":")[0].lower().removesuffix(".")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(_name(host).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_this_machine(host: str) -> bool:
    """What no name server can point elsewhere."""
    if (address := _address(host)) is not None:
        return address.is_loopback
    return _name(host) == "localhost" or _name(host).endswith(".localhost")
