"""Short-lived keys for pages that speak to OpenAI's Realtime API, as its own library makes them."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import websockets

from tests.gateway.test_openai_realtime import VAD, client_of, transcription, until
from tests.gateway_server import GatewayAddress, running_workers
from tests.triton_server import TritonAddress

KEY = "sk-of-alice"
MESSAGE_BYTES = 100_000


@pytest.fixture(scope="module")
def locked(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    """Two workers, which take each other's tickets."""
    settings = {
        "GATEWAY_KEYS__CLIENTS": f'["alice:{KEY}"]',
        "GATEWAY_LIMITS__FILE_MESSAGE_BYTES": str(MESSAGE_BYTES),
    }
    with running_workers(triton, tmp_path_factory.mktemp("locked"), settings) as address:
        yield address


async def secret(locked: GatewayAddress, **more: Any) -> Any:
    async with client_of(locked, KEY) as client:
        return await client.realtime.client_secrets.create(**more)


async def test_a_page_opens_the_session_that_its_ticket_was_made_for(locked: GatewayAddress) -> None:
    session = transcription({**VAD, "silence_duration_ms": 700}, format={"type": "audio/pcmu"})
    began = int(time.time())
    made = await secret(locked, session=session, expires_after={"anchor": "created_at", "seconds": 60})
    assert made.value.startswith("ek_")
    assert began + 60 <= made.expires_at <= time.time() + 60
    assert made.session.audio.input.turn_detection.silence_duration_ms == 700
    for _ in range(6):  # some with each worker
        protocols = [websockets.Subprotocol(each) for each in ("realtime", f"openai-insecure-api-key.{made.value}")]
        async with websockets.connect(locked.ws("/v1/realtime"), subprotocols=protocols) as page:
            assert page.subprotocol == "realtime"
            assert '"silence_duration_ms": 700' in str(await page.recv())
    async with client_of(locked, made.value) as client, client.realtime.connect(model="whisper-1") as connection:
        (created,) = await until(connection, "session.created")
        assert created.session.audio.input.format.type == "audio/pcmu"


async def test_a_ticket_opens_nothing_else(locked: GatewayAddress) -> None:
    made = await secret(locked)
    async with client_of(locked, made.value) as page:
        with pytest.raises(openai.PermissionDeniedError, match="for openai_realtime alone"):
            await page.models.list()
        with pytest.raises(openai.PermissionDeniedError, match="a token makes no others"):
            await page.realtime.client_secrets.create()
    with pytest.raises(websockets.InvalidStatus, match="403"):
        await websockets.connect(locked.ws(f"/live?token={made.value}"))


@pytest.mark.parametrize("wrong", ["ek_", "ek_e30.e30", "sk-wrong", "no ticket"])
async def test_nobody_makes_a_ticket_of_their_own(locked: GatewayAddress, wrong: str) -> None:
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(locked.ws("/v1/realtime"), additional_headers={"key": wrong})


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"expires_after": {"anchor": "created_at", "seconds": 5}}, "expires_after.seconds"),
        ({"session": {"type": "realtime"}}, "session.type"),
        (
            {"session": transcription({"type": "server_vad", "threshold": 2})},
            "session.audio.input.turn_detection.threshold",
        ),
        ({"session": transcription(None, transcription={"prompt": "x" * 4000})}, "session"),
    ],
)
async def test_what_no_ticket_is_made_for_is_a_400_that_names_the_field(
    locked: GatewayAddress, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await secret(locked, **more)
    assert refused.value.param == param


async def test_a_huge_event_ends_the_session(locked: GatewayAddress) -> None:
    async with client_of(locked, KEY) as client, client.realtime.connect(model="whisper-1") as connection:
        await until(connection, "session.created")
        await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(MESSAGE_BYTES)).decode())
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
