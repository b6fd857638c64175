"""The policy as a table: who is let in, as whom, and what the others are told."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import pytest
from multidict import CIMultiDict, MultiMapping

from frontend.config.settings import Server
from frontend.connection.door import Door
from frontend.errors import GatewayError, HostError, OriginError, UnauthorizedError
from frontend.keys.guard import Guard
from frontend.keys.keyring import Keyring
from frontend.keys.places import IN_REQUEST, Place
from frontend.protocols import WEBSOCKETS
from frontend.protocols.base import Profile
from frontend.telemetry.metrics import Metrics

KEY = "a-key-of-alice"
NEW = Profile("/new", "new", models=(), message_limit="voice_message_bytes")
PUBLIC, HERE = "0.0.0.0", "127.0.0.1"


@dataclass(frozen=True)
class Asked:
    """A request, as far as the door looks at it."""

    headers: MultiMapping[str] = field(default_factory=CIMultiDict)
    query: Mapping[str, str] = field(default_factory=dict)
    remote: str | None = "192.0.2.7"


def asked(query: Mapping[str, str] | None = None, **headers: str) -> Asked:
    return Asked(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}), query or {})


class Flooded(Guard):
    """By wrong keys, from wherever is asked about."""

    def shuts_out(self, address: str) -> float:
        return 5.0


def door(keys: tuple[str, ...] = (), **server: Any) -> Door:
    return Door(Server(**server), Guard(Keyring(keys)), Metrics())


def locked() -> Door:
    return door((f"alice:{KEY}", "bob:another"))


@pytest.mark.parametrize(
    ("host", "listening_on", "allowed_hosts", "allowed"),
    [
        ("localhost:8080", HERE, (), True),
        ("LOCALHOST.", HERE, (), True),
        ("app.localhost", HERE, (), True),
        ("127.0.0.1:8080", HERE, (), True),
        ("127.8.9.1", HERE, (), True),
        ("[::1]:8080", HERE, (), True),
        ("192.168.1.5:8080", HERE, (), True),
        ("", HERE, (), True),
        ("speech.example:8080", HERE, (), False),
        ("127.0.0.1.nip.example", HERE, (), False),
        ("localhost.example", HERE, (), False),
        ("[::1", HERE, (), True),
        ("speech.example", "::1", (), False),
        ("speech.example", "localhost", (), False),
        ("speech.example", PUBLIC, (), True),
        ("speech.example", "::", (), True),
        ("speech.example:443", PUBLIC, ("speech.example",), True),
        ("Speech.Example.", HERE, ("speech.example",), True),
        ("other.example", PUBLIC, ("speech.example",), False),
        ("sub.speech.example", PUBLIC, ("speech.example",), False),
        ("127.0.0.1:8080", PUBLIC, ("speech.example",), True),
        ("other.example", HERE, ("*",), True),
        ("machine.local", "machine.local", ("speech.example",), True),
    ],
)
def test_a_name_is_looked_at(host: str, listening_on: str, allowed_hosts: tuple[str, ...], allowed: bool) -> None:
    checked = door(host=listening_on, allowed_hosts=allowed_hosts)
    if allowed:
        checked.look(asked(Host=host))
    else:
        with pytest.raises(HostError, match=r"is none of this gateway's names \(server\.allowed_hosts\)"):
            checked.look(asked(Host=host))


@pytest.mark.parametrize(
    ("origin", "allowed_origins", "allowed"),
    [
        ("https://page.example", ("*",), True),
        ("null", ("*",), True),
        (None, (), True),
        ("https://page.example", (), False),
        ("https://page.example", ("https://page.example",), True),
        ("HTTPS://Page.Example", ("https://page.example",), True),
        ("http://page.example", ("https://page.example",), False),
        ("https://page.example:8443", ("https://page.example",), False),
        ("https://page.example.evil", ("https://page.example",), False),
        ("null", ("https://page.example",), False),
    ],
)
def test_a_page_is_looked_at(origin: str | None, allowed_origins: tuple[str, ...], allowed: bool) -> None:
    checked = door(allowed_origins=allowed_origins)
    request = asked(Origin=origin) if origin else asked()
    if allowed:
        checked.look(request)
    else:
        with pytest.raises(OriginError, match=r"\(server\.allowed_origins\)"):
            checked.look(request)


SHOWN = [
    asked(key=KEY),
    asked(Authorization=KEY),
    asked(Authorization=f"Bearer {KEY}"),
    asked(Authorization=f"Token {KEY}"),
    asked({"token": KEY}),
    asked({"api_key": KEY}),
    asked(Sec_WebSocket_Protocol=f"realtime, openai-insecure-api-key.{KEY}"),
    asked(Sec_WebSocket_Protocol=f"token, {KEY}"),
]


@pytest.mark.parametrize("request_", SHOWN)
@pytest.mark.parametrize("profile", [NEW, *(protocol.profile for protocol in WEBSOCKETS)], ids=lambda each: each.name)
def test_a_key_opens_every_protocol_wherever_a_request_may_show_it(profile: Profile, request_: Asked) -> None:
    caller = locked().admit(request_, "c0ffee00", profile.keys)
    assert (caller.connection_id, caller.address, caller.key_name) == ("c0ffee00", "192.0.2.7", "alice")


@pytest.mark.parametrize("profile", [NEW, *(protocol.profile for protocol in WEBSOCKETS)], ids=lambda each: each.name)
def test_without_a_key_only_those_come_in_whose_protocol_asks_for_it_in_a_message(profile: Profile) -> None:
    if profile.name in ("live", "transcribe"):
        assert locked().admit(asked(), "c0ffee00", profile.keys).key_name is None
    else:
        with pytest.raises(UnauthorizedError, match="a key is needed"):
            locked().admit(asked(), "c0ffee00", profile.keys)


@pytest.mark.parametrize("places", [IN_REQUEST, IN_REQUEST | {"message"}])
@pytest.mark.parametrize("wrong", [asked(key="wrong"), asked({"token": KEY[:-1]}), asked(Authorization="Bearer alice")])
def test_a_wrong_key_is_refused_before_the_upgrade_whatever_comes_later(places: Set[Place], wrong: Asked) -> None:
    with pytest.raises(UnauthorizedError, match="not known"):
        locked().admit(wrong, "c0ffee00", places)


def test_one_right_key_among_others_is_enough() -> None:
    request = asked({"token": KEY}, Authorization="Bearer of-a-proxy", key="another-services")
    assert locked().admit(request, "c0ffee00").key_name == "alice"
    assert locked().admit(asked({"token": KEY}, Authorization="Basic eHg="), "c0ffee00").key_name == "alice"


def test_without_keys_nobody_is_asked_and_nobody_has_a_name() -> None:
    assert door().admit(asked(key="any"), "c0ffee00").key_name is None


def test_who_may_be_keyless_is_let_in_without_a_key_but_not_with_a_wrong_one() -> None:
    assert locked().admit(asked(), "c0ffee00", keyless=True).key_name is None
    with pytest.raises(UnauthorizedError):
        locked().admit(asked(key="wrong"), "c0ffee00", keyless=True)


@pytest.mark.parametrize(
    "request_", [asked(key=KEY, Host="evil.example"), asked(key=KEY, Origin="http://evil.example")]
)
def test_a_key_does_not_help_who_may_not_even_ask(request_: Asked) -> None:
    checked = door((f"alice:{KEY}",), allowed_origins=())
    with pytest.raises(GatewayError):
        checked.admit(request_, "c0ffee00")


def test_refusals_are_counted_by_reason() -> None:
    metrics = Metrics()
    checked = Door(Server(allowed_origins=()), Guard(Keyring((f"alice:{KEY}",))), metrics)
    for request in (asked(), asked(key="wrong"), asked(Host="evil.example"), asked(Origin="null")):
        with pytest.raises(GatewayError):
            checked.admit(request, "c0ffee00")
    checked.admit(asked(key=KEY), "c0ffee00")
    told = {why: metrics.value("gateway_refused_total", {"reason": why}) for why in ("unauthorized", "host", "origin")}
    assert told == {"unauthorized": 2, "host": 1, "origin": 1}


@pytest.mark.parametrize(
    ("remote", "headers", "here"),
    [
        ("127.0.0.1", {"Host": "127.0.0.1:8393"}, True),
        ("::1", {"Host": "localhost:8393"}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("192.0.2.7", {"Host": "127.0.0.1:8393"}, False),
        ("127.0.0.1", {"Host": "rebound.example:8393"}, False),
        ("127.0.0.1", {"Host": "192.168.1.5:8393"}, False),
        *(("127.0.0.1", {name: "127.0.0.1"}, False) for name in ("Origin", "Forwarded", "Via", "X-Real-IP")),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        (None, {}, False),
    ],
)
def test_who_asks_from_this_machine_for_himself(remote: str | None, headers: Mapping[str, str], here: bool) -> None:
    assert door().is_from_here(Asked(CIMultiDict(headers), remote=remote)) is here


@pytest.mark.parametrize(
    ("remote", "passed_on", "address"),
    [
        ("10.0.0.1", "192.0.2.9", "192.0.2.9"),
        ("10.0.0.1", "192.0.2.9, 10.0.0.2", "192.0.2.9"),
        ("10.0.0.1", "1.2.3.4, 192.0.2.9", "192.0.2.9"),  # the first is what the client made up
        ("192.0.2.7", "127.0.0.1", "192.0.2.7"),  # none of our proxies
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "192.0.2.9:4711", "192.0.2.9"),
        ("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
    ],
)
def test_the_address_is_what_trusted_proxies_say_and_nobody_else(remote: str, passed_on: str, address: str) -> None:
    request = Asked(CIMultiDict({"X-Forwarded-For": passed_on}), remote=remote)
    assert door(trusted_proxies=("10.0.0.0/8",), host=PUBLIC).admit(request, "id").address == address
    assert door(host=PUBLIC).admit(request, "id").address == remote


def test_of_several_lines_of_a_header_the_last_is_the_proxys() -> None:
    """RFC 9110, 5.3: they are one list; some proxies add a line rather than to the client's."""
    headers = CIMultiDict((("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "192.0.2.9")))
    assert door(trusted_proxies=("10.0.0.0/8",)).address(Asked(headers, remote="10.0.0.1")) == "192.0.2.9"


def test_nobody_is_shut_out_for_another_behind_a_trusted_proxy() -> None:
    flooded = Door(Server(trusted_proxies=("10.0.0.0/8",)), Flooded(Keyring(())), Metrics())
    assert [flooded.shuts_out(remote) for remote in ("10.0.0.1", "::ffff:10.0.0.1", "192.0.2.7")] == [0.0, 0.0, 5.0]
    assert Door(Server(), Flooded(Keyring(())), Metrics()).shuts_out("10.0.0.1") == 5.0
