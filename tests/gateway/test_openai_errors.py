"""What OpenAI's own library raises where something is wrong, and that nothing of it stays."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent

from tests.gateway.rest import ask, post
from tests.gateway.test_openai import MODEL, client_of
from tests.gateway_server import GatewayAddress, running_gateway
from tests.readings import parts
from tests.sounds import wav
from tests.triton_server import TritonAddress, wait_until
from tests.voices import silence

KEY = "sk-of-alice"


@pytest.fixture
def client(gateway: GatewayAddress) -> Iterator[openai.OpenAI]:
    with client_of(gateway) as client:
        yield client


@pytest.fixture(scope="module")
def file() -> tuple[str, bytes]:
    return "spoken.wav", wav(parts()[0])


@pytest.mark.parametrize(
    ("more", "param", "words"),
    [
        ({"response_format": "diarized_json"}, "response_format", "speakers"),
        ({"response_format": "yaml"}, "response_format", "must be one of"),
        ({"language": "tlh"}, "language", "unsupported language: tlh"),
        ({"languages": ["en", "tlh"]}, "languages", "unsupported language: tlh"),
        ({"keywords": ["Kilometer"]}, "keywords", "keywords"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities", "verbose_json"),
        ({"include": ["everything"]}, "include", "logprobs"),
        ({"temperature": 3.0}, "temperature", "from 0 to 1"),
        ({"chunking_strategy": {"type": "client_vad"}}, "chunking_strategy", "server_vad"),
        (
            {"chunking_strategy": {"type": "server_vad", "threshold": "loud"}},
            "chunking_strategy[threshold]",
            "from 0 to 1",
        ),
        ({"stream": True, "response_format": "srt"}, "response_format", "streamed"),
    ],
)
def test_what_cannot_be_done_is_a_400_that_names_the_field(
    client: openai.OpenAI, file: tuple[str, bytes], more: dict[str, object], param: str, words: str
) -> None:
    create: Any = client.audio.transcriptions.create  # its types allow nothing wrong
    with pytest.raises(openai.BadRequestError) as refused:
        create(file=file, model=MODEL, **more)
    assert (refused.value.type, refused.value.param, refused.value.code) == (
        "invalid_request_error",
        param,
        "invalid_value",
    )
    assert words in refused.value.message


def test_an_unknown_model_is_a_404(client: openai.OpenAI, file: tuple[str, bytes]) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.audio.transcriptions.create(file=file, model="gpt-9")
    assert refused.value.code == "model_not_found"
    assert "gpt-9" in refused.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no audio at all" * 100, "does not decode"), (wav(silence(0.0)), "no audio")],
)
def test_what_is_no_audio_is_a_400(client: openai.OpenAI, content: bytes, words: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.transcriptions.create(file=("a.wav", content), model=MODEL)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/audio/transcriptions", {"Content-Type": "application/json"}, 415, "media_type"),
        ("/v1/audio/transcriptions", {"Content-Type": "multipart/form-data"}, 400, "bad_request"),
        ("/v1/audio/speech", {}, 404, None),
        ("/v1/models", {}, 405, None),
    ],
)
def test_errors_of_requests_that_no_library_makes_have_the_same_form(
    gateway: GatewayAddress, path: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    told, body = post(gateway, path, b"{}", headers)
    error = json.loads(body)["error"]
    assert (told, list(error)) == (status, ["message", "type", "param", "code"])
    assert (error["type"], error["code"]) == ("invalid_request_error", code)


@pytest.fixture(scope="module")
def strict(triton: TritonAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayAddress]:
    """With keys, a small limit for files, and one model's name."""
    settings = {
        "GATEWAY_KEYS__CLIENTS": f'["alice:{KEY}"]',
        "GATEWAY_LIMITS__UPLOAD_BYTES": "200000",
        "GATEWAY_OPENAI__MODELS": "[mine]",
    }
    with running_gateway(triton, tmp_path_factory.mktemp("strict"), settings) as address:
        yield address


def test_a_key_is_needed_where_there_are_keys(strict: GatewayAddress) -> None:
    with client_of(strict, "sk-wrong") as stranger:
        with pytest.raises(openai.AuthenticationError) as refused:
            stranger.models.list()
        assert (refused.value.code, refused.value.status_code) == ("invalid_api_key", 401)
        with pytest.raises(openai.AuthenticationError):
            stranger.audio.transcriptions.create(file=("a.wav", wav(silence(1.0))), model="mine")
    with client_of(strict, KEY) as alice:
        assert [model.id for model in alice.models.list()] == ["mine"]
        assert alice.audio.transcriptions.create(file=("a.wav", wav(silence(1.0))), model="mine").text == ""


@pytest.mark.parametrize("seconds", [8.0, 120.0])
def test_a_file_over_the_limit_is_a_413(strict: GatewayAddress, seconds: float) -> None:
    with client_of(strict, KEY) as alice, pytest.raises(openai.APIStatusError) as refused:
        alice.audio.transcriptions.create(file=("long.wav", wav(silence(seconds))), model="mine")
    assert (refused.value.status_code, refused.value.code) == (413, "limit")


def test_a_cancelled_upload_leaves_nothing_behind(strict: GatewayAddress) -> None:
    def stop() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + bytes(100_000)
        wait_until(lambda: strict.metric("gateway_held_bytes") > 0)
        raise InterruptedError

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {KEY}"}
    with client_of(strict, KEY) as alice, pytest.raises(InterruptedError):
        alice._client.post(strict.http("/v1/audio/transcriptions"), content=stop(), headers=headers)
    wait_until(lambda: strict.metric("gateway_held_bytes") == 0)
    assert ask(strict, "/health")[0] == 200


def test_the_work_for_a_client_that_left_stops(gateway: GatewayAddress) -> None:
    long = wav(np.tile(parts()[0], 200))
    gone = 'gateway_http_requests_total{path="/v1/audio/transcriptions",status="499"}'
    with client_of(gateway) as client:
        stream = client.audio.transcriptions.create(file=("long.wav", long), model=MODEL, stream=True)
        assert isinstance(next(stream), TranscriptionTextDeltaEvent)
        stream.close()
    wait_until(lambda: gone in gateway.get("/metrics")[1].decode())
    wait_until(lambda: gateway.metric("gateway_held_bytes") == 0)
