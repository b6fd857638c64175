"""With keys configured everything is closed, and opens for a key wherever its clients put it: the real gateway."""

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import websockets
from aiohttp import web

from frontend.protocols import WEBSOCKETS
from frontend.protocols.base import Profile
from frontend.rest import ROUTES
from tests import foreign
from tests.gateway.rest import ask
from tests.gateway.test_examples import OPERATIONS, example
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress

KEY = "MY-KEY"
OPEN = {"/", "/page/{name}", "/docs", "/docs/{name}", "/health", "/health/live", "/health/ready", "/metrics"}
# Where a request of any kind may show its key: in headers, or behind its path.
PLACES: Sequence[tuple[Mapping[str, str], str]] = (
    ({"key": KEY}, ""),
    ({"Authorization": KEY}, ""),
    ({"Authorization": f"Bearer {KEY}"}, ""),
    ({"Authorization": f"Token {KEY}"}, ""),
    ({}, f"?token={KEY}"),
    ({}, f"?api_key={KEY}"),
)
# Who calls for somebody else is not one who works on this machine.
ELSEWHERE = {"Via": "1.1 a-proxy"}


@pytest.fixture(scope="module")
def locked(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    keys = {"GATEWAY_KEYS__CLIENTS": f'["me:{KEY}"]', "GATEWAY_KEYS__SHOW_SECONDS": "1"}
    keys |= {"GATEWAY_KEYS__WRONG_SECONDS": "0"}  # there are many wrong ones
    with running_gateway(triton, tmp_path_factory.mktemp("locked"), keys) as address:
        yield address


async def opened(url: str, **how: Any) -> websockets.ClientConnection:
    return await websockets.connect(url, **how)


async def refused(url: str, **how: Any) -> tuple[int, Any]:
    """Status and body of an upgrade that is refused."""
    with pytest.raises(websockets.InvalidStatus) as told:
        await websockets.connect(url, **how)
    return told.value.response.status_code, json.loads(told.value.response.body or b"null")


def of(route: web.RouteDef) -> str:
    return route.path.replace("{id}", "0" * 32).replace("{model}", "whisper-1")


def is_told_in_its_form(path: str, told: Any) -> bool:
    """Whether the answer to a request without a key is as its clients know it."""
    if path.startswith("/export"):
        return bool(told == "Unauthorized")
    if path.startswith("/v1/listen"):
        return bool(told["err_code"] == "INVALID_AUTH")
    if path.startswith("/v1/"):
        return bool(told["error"]["code"] == "invalid_api_key")
    return (told["status"], told["path"]) == (401, path)


ENDPOINTS = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
SOCKETS = pytest.mark.parametrize("profile", [each.profile for each in WEBSOCKETS], ids=lambda profile: profile.name)


@ENDPOINTS
def test_an_endpoint_needs_a_key_unless_probes_ask_for_it(locked: GatewayAddress, route: web.RouteDef) -> None:
    for wrong in (ELSEWHERE, ELSEWHERE | {"key": "wrong"}):
        status, body, headers = ask(locked, of(route), route.method, wrong)
        if route.path in OPEN:
            assert status == (404 if "{" in route.path else 200)  # what it names is not there
        else:
            assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
            assert is_told_in_its_form(of(route), json.loads(body))


@ENDPOINTS
def test_a_key_opens_an_endpoint_wherever_it_is_shown(locked: GatewayAddress, route: web.RouteDef) -> None:
    expected = ask(locked, of(route), route.method, ELSEWHERE | {"key": KEY})[0]
    assert expected not in (401, 403, 421)
    for headers, query in PLACES:
        assert ask(locked, of(route) + query, route.method, {**ELSEWHERE, **headers})[0] == expected


@ENDPOINTS
def test_a_browser_asks_before_it_shows_a_key(locked: GatewayAddress, route: web.RouteDef) -> None:
    headers = {"Origin": "https://page.example", "Access-Control-Request-Method": route.method}
    status, _, answered = ask(locked, of(route), "OPTIONS", headers)
    assert (status, answered["Access-Control-Allow-Origin"]) == (204, "*")


@SOCKETS
async def test_a_socket_is_closed_without_a_key_unless_that_comes_in_a_message(
    locked: GatewayAddress, profile: Profile
) -> None:
    url = locked.ws(profile.path)
    for how in ({"additional_headers": {"key": "wrong"}}, {"subprotocols": ["token", "wrong"]}):
        assert (await refused(url, **how))[0] == 401
    if "message" in profile.keys:
        async with await opened(url):
            return
    status, told = await refused(url)
    assert status == 401
    assert is_told_in_its_form(profile.path, told)
    assert (await refused(f"{url}/"))[0] == 401


@SOCKETS
async def test_a_key_opens_a_socket_wherever_it_is_shown(locked: GatewayAddress, profile: Profile) -> None:
    url = locked.ws(profile.path)
    for headers, query in PLACES:
        async with await opened(f"{url}{query}", additional_headers=headers):
            pass
    for offered, agreed in (
        (["token", KEY], "token"),
        (["realtime", f"openai-insecure-api-key.{KEY}"], "realtime"),
        ([f"openai-insecure-api-key.{KEY}"], f"openai-insecure-api-key.{KEY}"),
    ):
        async with await opened(url, subprotocols=offered) as connection:
            assert connection.subprotocol == agreed


async def test_the_owner_of_a_port_is_closed_as_its_path_is(locked: GatewayAddress) -> None:
    assert (await refused(locked.ws("/", "whisper")))[0] == 401
    async with await opened(locked.ws("/", "whisper"), additional_headers={"key": KEY}) as connection:
        await connection.send('{"type": "stop"}')
        assert json.loads(await connection.recv())["is_final"] is True


@pytest.mark.parametrize("port", ["live", "voice"])
async def test_live_says_that_a_key_is_wrong_or_does_not_come(locked: GatewayAddress, port: str) -> None:
    conversations: tuple[list[str | bytes], ...]
    conversations = ([bytes(320)], ['{"Authorization": "wrong"}'], ['{"config": {}}'], [])
    for messages in conversations:
        async with await opened(locked.ws("/", port)) as connection:
            for message in messages:
                await connection.send(message)
            assert [str(text) async for text in connection_until_closed(connection)] == ["Provided api key is invalid"]
            assert (connection.close_code, connection.close_reason) == (1008, "unauthorized")


async def test_transcribe_says_that_a_key_is_wrong_or_does_not_come(locked: GatewayAddress) -> None:
    conversations: tuple[tuple[list[str | bytes], list[dict[str, str]]], ...]
    conversations = (
        (['{"type": "transcribe", "api_key": "wrong"}', b"a recording"], []),
        (['{"type": "ping"}'], [{"type": "pong", "status": "ok"}]),
        ([], []),
    )
    for messages, told in conversations:
        async with await opened(locked.ws("/ws/transcribe")) as connection:
            for message in messages:
                await connection.send(message)
            heard = [json.loads(text) async for text in connection_until_closed(connection)]
            assert heard == [*told, {"error": "unauthorized"}]
            assert connection.close_code == 1008


async def connection_until_closed(connection: websockets.ClientConnection) -> Any:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            yield await connection.recv()


async def test_an_export_belongs_to_the_key_of_the_upgrade(locked: GatewayAddress) -> None:
    async with await opened(locked.ws(f"/live?token={KEY}")) as connection:
        await connection.send(bytes(3200))
        await connection.send("eof")
        export_id = str(await connection.recv())
    path = f"/export/transcript/{export_id}"
    assert ask(locked, path, headers={"key": KEY})[:2] == (200, b"[]")
    assert ask(locked, path)[:2] == (401, b'"Unauthorized"')


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_pages_examples_come_in(locked: GatewayAddress, tmp_path: Path, language: str) -> None:
    program = example(OPERATIONS, language, locked)
    said = (foreign.python if language == "python" else foreign.module)(program, tmp_path)
    assert said == "200\n"


def test_keys_stay_out_of_the_log_and_refusals_are_counted(locked: GatewayAddress) -> None:
    before = locked.metric('gateway_refused_total{reason="unauthorized"}')
    ask(locked, "/export?token=a-wrong-key", headers=ELSEWHERE)
    assert locked.metric('gateway_refused_total{reason="unauthorized"}') == before + 1
    log = locked.log_file.read_text()
    assert "code=unauthorized" in log
    assert KEY not in log
    assert "a-wrong-key" not in log


REBOUND = {"Host": "rebound.example:8393"}


async def test_a_page_rebound_to_this_machine_reads_nothing(locked: GatewayAddress) -> None:
    for path in ("/export", f"/export/audio/{'0' * 32}", "/metrics"):
        for headers in (REBOUND, REBOUND | {"key": KEY}):
            status, body, _ = await asyncio.to_thread(ask, locked, path, "GET", headers)
            assert (status, json.loads(body)["error"]) == (421, "Misdirected Request")
    with pytest.raises(websockets.InvalidStatus, match="421"):
        await websockets.connect(f"ws://rebound.example/live?token={KEY}", host="127.0.0.1", port=locked.ports["live"])


async def test_names_and_pages_are_as_configured(tmp_path: Path) -> None:
    names = {"ALLOWED_HOSTS": "[speech.example]", "ALLOWED_ORIGINS": '["https://Page.example"]'}
    settings = {f"GATEWAY_SERVER__{name}": value for name, value in names.items()}
    with running_gateway(None, tmp_path, settings) as gateway:
        for headers, status in (
            ({"Host": "speech.example"}, 200),
            ({"Host": "other.example"}, 421),
            ({"Origin": "https://page.example"}, 200),
            ({"Origin": "https://evil.example"}, 403),
        ):
            told, _, answered = await asyncio.to_thread(ask, gateway, "/health", "GET", headers)
            assert told == status
            may_read = headers.get("Origin") if status == 200 else None
            assert answered["Access-Control-Allow-Origin"] == may_read
        assert (await refused(gateway.ws("/ws"), origin="https://evil.example"))[0] == 403
        # Without models it comes to nothing, but so far it comes.
        assert (await refused(gateway.ws("/ws"), origin="https://page.example"))[0] == 503
