"""Ports are one gateway's from the start, and each worker has sockets of its own on them."""

import contextlib
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from frontend.config.settings import Admin, Settings
from frontend.errors import SettingsError
from frontend.workers import listening
from frontend.workers.listening import ADMIN, Address, Listeners, addresses

HOST = "127.0.0.1"
Bind = Callable[..., Listeners]


@pytest.fixture
def bound() -> Iterator[Bind]:
    """As `listening.bound`, or `bound_beside` other listeners, and closed in the end."""
    with contextlib.ExitStack() as closing:

        def bind(
            host: str, ports: Mapping[str, int], shared: bool = True, beside: Listeners | None = None
        ) -> Listeners:
            wanted = [Address(name, host, port, f"PORTS__{name.upper()}") for name, port in ports.items()]
            listeners = listening.bound_beside(beside) if beside else listening.bound(wanted, shared)
            closing.callback(listening.close, listeners)
            return listeners

        yield bind


def port_of(listeners: Listeners, name: str = "live") -> int:
    port: int = listeners[name][0].getsockname()[1]
    return port


def accepted(sockets: Sequence[socket.socket]) -> int:
    """How many connections wait there."""
    count = 0
    while (ready := select.select(sockets, [], [], 0)[0]) and sockets:
        for each in ready:
            each.accept()[0].close()
            count += 1
    return count


def test_port_0_is_one_that_is_free_and_every_worker_has_the_same(bound: Bind) -> None:
    first = bound(HOST, {"live": 0, "rest": 0}, shared=True)
    second = bound(HOST, {}, beside=first)
    assert port_of(first) == port_of(second) != port_of(first, "rest") == port_of(second, "rest") > 0


def test_connections_are_spread_over_those_who_listen(bound: Bind) -> None:
    first = bound(HOST, {"live": 0}, shared=True)
    second = bound(HOST, {}, beside=first)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection((HOST, port_of(first)), timeout=10))
        shares = [accepted(listeners["live"]) for listeners in (first, second)]
    assert sum(shares) == 60
    assert min(shares) > 5


def test_who_connects_before_somebody_serves_waits(bound: Bind) -> None:
    first = bound(HOST, {"live": 0})
    with socket.create_connection((HOST, port_of(first)), timeout=10):
        assert accepted(first["live"]) == 1


def test_two_gateways_that_start_at_the_same_time_do_not_share_a_port(bound: Bind) -> None:
    first = bound(HOST, {"live": 0})
    with pytest.raises(SettingsError, match="GATEWAY_PORTS__REST"):
        bound(HOST, {"rest": port_of(first)})


def test_who_names_an_address_of_another_machine_is_told_what_to_set(bound: Bind) -> None:
    with pytest.raises(SettingsError, match="set GATEWAY_SERVER__HOST to an address of this machine"):
        bound("203.0.113.9", {"live": 0})
    with pytest.raises(SettingsError, match="set GATEWAY_ADMIN__HOST to an address of this machine"):
        bound("203.0.113.9", {ADMIN: 0})


@pytest.mark.parametrize("shared", [True, False])
def test_a_port_that_a_foreign_process_would_share_is_busy_all_the_same(bound: Bind, shared: bool) -> None:
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind((HOST, 0))
        foreign.listen()
        with pytest.raises(SettingsError, match=r"Address already in use.*GATEWAY_PORTS__LIVE"):
            bound(HOST, {"live": foreign.getsockname()[1]}, shared)


def test_an_address_may_be_of_the_sixth_version(bound: Bind) -> None:
    first = bound("::1", {"live": 0}, shared=True)
    assert port_of(bound(HOST, {}, beside=first)) == port_of(first)


def test_every_address_of_a_host_is_listened_on(bound: Bind) -> None:
    listeners = bound("", {"live": 0}, shared=True)["live"]
    assert {each.family for each in listeners} == {socket.AF_INET, socket.AF_INET6}
    assert len({each.getsockname()[1] for each in listeners}) == 1


def test_what_is_closed_is_free_again(bound: Bind) -> None:
    first = bound(HOST, {"live": 0}, shared=True)
    port = port_of(first)
    listening.close(first)
    assert port_of(bound(HOST, {"live": port}, shared=False)) == port


def test_the_admin_listener_has_an_address_of_its_own_where_there_is_one() -> None:
    assert ADMIN not in {address.name for address in addresses(Settings())}
    *_, admin = addresses(Settings(admin=Admin(enabled=True, host="127.0.0.2", port=9999)))
    assert admin == Address(ADMIN, "127.0.0.2", 9999, "ADMIN__PORT")
