"""Wrong keys at speed, as the attacker and its neighbours meet them."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import websockets

from tests.gateway.rest import ask
from tests.gateway_server import GatewayAddress, running_gateway

KEY = "MY-KEY"
PROXY = {"X-Forwarded-For": "192.0.2.7"}
BUILD = "/core/get_build_info"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    settings = {
        "GATEWAY_KEYS__CLIENTS": f'["me:{KEY}", "other:ANOTHERS-KEY"]',
        "GATEWAY_KEYS__WRONG_FREE": "3",
        "GATEWAY_KEYS__WRONG_FIRST_SECONDS": "60",
        "GATEWAY_SERVER__TRUSTED_PROXIES": "[127.0.0.1]",
    }
    with running_gateway(None, tmp_path_factory.mktemp("locked"), settings) as address:
        yield address


def status(locked: GatewayAddress, key: str, address: str, path: str = BUILD) -> int:
    return ask(locked, path, headers={"key": key, "X-Forwarded-For": address})[0]


async def refused(url: str, headers: dict[str, str]) -> int:
    with pytest.raises(websockets.InvalidStatus) as told:
        await websockets.connect(url, additional_headers=headers)
    return told.value.response.status_code


async def test_whoever_shows_them_waits_in_every_protocols_words_and_nobody_else_does(locked: GatewayAddress) -> None:
    def asked(key: str, address: str = "192.0.2.7") -> int:
        return status(locked, key, address)

    assert await asyncio.to_thread(asked, KEY) == 200
    assert [await asyncio.to_thread(asked, f"wrong {number}") for number in range(4)] == [401] * 4
    paths = (BUILD, "/v1/models", "/v1/models/whisper-1", "/export")
    others = PROXY | {"key": "ANOTHERS-KEY"}
    asking = asyncio.gather(*(asyncio.to_thread(ask, locked, path, "GET", others) for path in paths))
    came_before, elsewhere, upgrade = await asyncio.gather(
        asyncio.to_thread(asked, KEY),
        asyncio.to_thread(asked, "ANOTHERS-KEY", "192.0.2.8"),
        refused(locked.ws("/vosk"), PROXY | {"key": "wrong"}),
    )
    answers = await asking
    assert (came_before, elsewhere, upgrade) == (200, 200, 429)
    assert {status for status, _, _ in answers} == {429}, "a right key that never came from there is not believed"
    build, openai, *_ = (json.loads(body) for _, body, _ in answers)
    assert {int(headers["Retry-After"]) for _, _, headers in answers} <= set(range(1, 61))
    assert "too many wrong keys came from this address" in build["message"]
    assert openai["error"]["code"] == "rate_limit_exceeded"
    log = locked.log_file.read_text()
    assert "keys: wrong keys address=192.0.2.7" in log
    assert log.count("code=wrong_keys") == 0
    assert locked.metric('gateway_refused_total{reason="wrong_keys"}') >= 5


def test_ipv6_addresses_of_one_network_are_one(locked: GatewayAddress) -> None:
    told = [status(locked, "wrong", f"2001:db8::{number:x}") for number in range(1, 8)]
    assert told[:4] == [401] * 4
    assert 429 in told[4:]
    assert status(locked, KEY, "2001:db8:0:1::1") == 200
