"""Tokens for pages, in every place and protocol where a key is taken, and what becomes of them when their key goes."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from frontend.keys.hashed import hashed
from frontend.protocols import WEBSOCKETS
from frontend.protocols.base import Profile
from tests import foreign
from tests.gateway.rest import ask, post
from tests.gateway.test_examples import LIMITS, example
from tests.gateway_server import GatewayAddress, running_gateway
from tests.triton_server import TritonAddress, wait_until

KEY, SECOND, OTHER = "MY-KEY", "MY-SECOND-KEY", "ANOTHERS-KEY"
SALT = "0123456789abcdef"
LINES = [hashed(name, key, SALT).line for name, key in (("me", KEY), ("me", SECOND), ("other", OTHER))]
SOCKETS = pytest.mark.parametrize("profile", [each.profile for each in WEBSOCKETS], ids=lambda profile: profile.name)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.txt"


@pytest.fixture(scope="module")
def locked(triton: TritonAddress, keys: Path) -> Iterator[GatewayAddress]:
    keys.write_text("\n".join(LINES))
    settings = {"GATEWAY_KEYS__FILES": f"[{keys}]", "GATEWAY_KEYS__RELOAD_SECONDS": "0.1"}
    with running_gateway(triton, keys.parent, settings) as address:
        yield address


def minted(locked: GatewayAddress, key: str = KEY, **asked: Any) -> tuple[int, Any]:
    headers = {"key": key, "Content-Type": "application/json"}
    status, body = post(locked, "/tokens", json.dumps(asked).encode(), headers)
    return status, json.loads(body)


def token(locked: GatewayAddress, key: str = KEY, **asked: Any) -> str:
    status, told = minted(locked, key, **asked)
    assert status == 200, told
    return str(told["token"])


async def until_closed(connection: websockets.ClientConnection) -> AsyncIterator[str]:
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            yield str(await connection.recv())


@SOCKETS
async def test_a_token_opens_its_socket_wherever_a_key_may_be_and_no_other(
    locked: GatewayAddress, profile: Profile
) -> None:
    mine = await asyncio.to_thread(token, locked, protocols=[profile.name])
    url = locked.ws(profile.path)
    for how, query in (
        ({"additional_headers": {"key": mine}}, ""),
        ({"additional_headers": {"Authorization": f"Token {mine}"}}, ""),
        ({"subprotocols": ["token", mine]}, ""),
        ({}, f"?token={mine}"),
    ):
        async with websockets.connect(url + query, **how):
            pass
    others = await asyncio.to_thread(token, locked, protocols=["wyoming"])
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"{url}?token={others}")
    assert refused.value.response.status_code == 403
    assert b"this token is for wyoming alone" in bytes(refused.value.response.body or b"")


async def test_a_token_is_taken_in_messages_too(locked: GatewayAddress) -> None:
    mine = await asyncio.to_thread(token, locked, protocols=["live", "transcribe", "exports"])
    async with websockets.connect(locked.ws("/live")) as connection:
        await connection.send(json.dumps({"Authorization": mine}))
        await connection.send(bytes(3200))
        await connection.send("eof")
        export_id = [text async for text in until_closed(connection)][-1]
    async with websockets.connect(locked.ws("/ws/transcribe")) as connection:
        await connection.send(json.dumps({"type": "transcribe", "api_key": mine}))
        await connection.send(b"no recording")
        assert "unauthorized" not in str(await connection.recv())
    path = f"/export/transcript/{export_id}"
    assert (await asyncio.to_thread(ask, locked, path, "GET", {"key": KEY}))[0] == 200, "it belongs to the key's name"
    assert (await asyncio.to_thread(ask, locked, path, "GET", {"key": OTHER}))[0] == 404
    assert (await asyncio.to_thread(ask, locked, path, "GET", {"key": mine}))[0] == 200
    status, body, _ = await asyncio.to_thread(ask, locked, "/export", "GET", {"key": mine})
    assert (status, json.loads(body)["message"]) == (403, "a token opens exports whose id is known, not the list")


def test_a_token_that_names_nothing_reads_no_recordings_and_makes_no_others(locked: GatewayAddress) -> None:
    mine = token(locked)
    assert ask(locked, "/core/get_build_info", headers={"key": mine})[0] == 200
    assert ask(locked, "/v1/models", headers={"Authorization": f"Bearer {mine}"})[0] == 200
    assert ask(locked, f"/export/audio/{'0' * 32}", headers={"key": mine})[0] == 403
    status, told = minted(locked, mine)
    assert (status, told["message"]) == (403, "a token makes no others: show the key")
    assert minted(locked, "wrong")[0] == 401


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"expires_in": 9}, "expires_in must be"),
        ({"expires_in": 7201}, "expires_in must be"),
        ({"expires_in": True}, "expires_in must be"),
        ({"expires_in": "60"}, "expires_in must be"),
        ({"protocols": []}, "protocols must be a list"),
        ({"protocols": "live"}, "protocols must be a list"),
        ({"protocols": ["telnet"]}, "'telnet', which is none of"),
    ],
)
def test_what_no_token_is_made_for_is_a_400_that_says_why(
    locked: GatewayAddress, asked: dict[str, Any], words: str
) -> None:
    status, told = minted(locked, **asked)
    assert status == 400
    assert words in told["message"]


def test_the_pages_example_makes_one(locked: GatewayAddress, tmp_path: Path) -> None:
    began = int(time.time())
    told = json.loads(foreign.shell(example(LIMITS, "sh", locked), tmp_path))
    assert told["protocols"] == ["live"]
    assert told["expires_in"] == 60
    assert began + 60 <= told["expires_at"] <= time.time() + 60


async def test_with_a_key_go_its_tokens_and_what_both_opened_and_nothing_else(
    locked: GatewayAddress, keys: Path
) -> None:
    tokens = [await asyncio.to_thread(token, locked, key) for key in (KEY, SECOND, OTHER)]
    shown = [KEY, SECOND, OTHER, *tokens]
    connections = [await websockets.connect(locked.ws(f"/vosk?token={each}")) for each in shown]
    in_message = await websockets.connect(locked.ws("/live"))
    await in_message.send(json.dumps({"Authorization": KEY}))
    await in_message.send("nonsense")
    assert await in_message.recv() == "control message unknown"
    await asyncio.to_thread(keys.write_text, "\n".join(LINES[1:]))
    for gone in (connections[0], connections[3], in_message):
        assert [text async for text in until_closed(gone)] == []
        assert (gone.close_code, gone.close_reason) == (1008, "the key was revoked")
    await asyncio.to_thread(wait_until, lambda: ask(locked, "/v1/models", headers={"key": tokens[0]})[0] == 401)
    for number in (1, 2, 4, 5):
        assert ask(locked, "/v1/models", headers={"key": shown[number]})[0] == 200
        await connections[number].send("what?")
        assert "partial" in str(await connections[number].recv())
        await connections[number].close()
    await asyncio.to_thread(keys.write_text, "\n".join(LINES))
    await asyncio.to_thread(wait_until, lambda: ask(locked, "/v1/models", headers={"key": KEY})[0] == 200)


async def test_nothing_of_a_large_message_is_kept_of_who_has_shown_no_key(locked: GatewayAddress) -> None:
    held: list[float] = []

    async def recording() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield bytes(1 << 20)
        held.append(await asyncio.to_thread(locked.metric, "gateway_held_bytes"))
        yield b"its end"

    async with websockets.connect(locked.ws("/ws/transcribe")) as connection:
        await connection.send('{"type": "transcribe", "api_key": "wrong"}')
        assert json.loads(await connection.recv()) == {"error": "unauthorized"}
        await connection.send(recording())
        assert [text async for text in until_closed(connection)] == []
        assert connection.close_code == 1008
    async with websockets.connect(locked.ws("/ws/transcribe")) as connection:
        await connection.send(json.dumps({"type": "transcribe", "api_key": KEY}))
        await connection.send(recording())
        assert "invalid audio" in str(await connection.recv())
    assert held[0] < 1 << 20 < 8 << 20 <= held[1]
