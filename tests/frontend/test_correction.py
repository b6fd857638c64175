"""Transcripts corrected by a chat model, against a scripted server of the real protocol."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from frontend.config.loading import load
from frontend.config.services import Postprocess
from frontend.correction import Postprocessor
from frontend.errors import DeadlineError, OverloadedError, ServiceError, SettingsError, UnavailableError
from tests.triton_server import free_ports

KEY = "sk-very-secret"
TEXT = "the patient is called mister brown"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def completion(text: Any) -> web.Response:
    return web.json_response({"object": "chat.completion", "choices": [{"message": {"content": text}}]})


@dataclass
class Chat:
    """A chat server that answers as it is told, and remembers what it was asked."""

    answer: Answer
    url: str = ""
    asked: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.headers.copy(), await request.json()))
        self.arrived.release()
        return await self.answer(request)


@contextlib.asynccontextmanager
async def chatting(answer: Answer | web.Response) -> AsyncIterator[Chat]:
    async def fixed(_request: web.Request) -> web.StreamResponse:
        assert isinstance(answer, web.Response)
        return answer

    chat = Chat(fixed if isinstance(answer, web.Response) else answer)
    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat.handle)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    chat.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield chat
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def correcting(url: str, **options: Any) -> AsyncIterator[Postprocessor]:
    postprocessor = Postprocessor(Postprocess(base_url=url, model="tiny", api_key=KEY, **options))
    try:
        yield postprocessor
    finally:
        await postprocessor.close()


async def test_the_model_is_asked_as_its_interface_wants_and_its_answer_is_the_text() -> None:
    async with (
        chatting(completion(" The patient is called Mr Brown. \n")) as chat,
        correcting(chat.url + "/", prompt="Correct this {language}. {}", temperature=0.5) as postprocessor,
    ):
        assert await postprocessor.correct(TEXT, "en") == "The patient is called Mr Brown."
    ((headers, body),) = chat.asked
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "model": "tiny",
        "temperature": 0.5,
        "messages": [{"role": "system", "content": "Correct this en. {}"}, {"role": "user", "content": TEXT}],
    }


async def test_without_a_key_none_is_sent_and_nothing_is_asked_about_no_text() -> None:
    async with chatting(completion("x")) as chat:
        postprocessor = Postprocessor(Postprocess(base_url=chat.url, model="tiny"))
        assert await postprocessor.correct(" ", "en") == " "
        assert await postprocessor.correct(TEXT, "en") == "x"
        await postprocessor.close()
    ((headers, _body),) = chat.asked
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (web.Response(status=500, text=TEXT + KEY), "answered with status 500"),
        (web.Response(status=401, text=KEY), "answered with status 401"),
        (web.Response(text=json.dumps({"choices": []}), content_type="text/html"), "is not JSON"),
        (web.Response(body=b"{" + TEXT.encode(), content_type="application/json"), "is not a chat completion"),
        (web.Response(body=b"\xff\xfe\xfd", content_type="application/json"), "is not a chat completion"),
        (web.Response(body=b"[" * 100_000, content_type="application/json"), "is not a chat completion"),
        (web.json_response({"choices": []}), "is not a chat completion"),
        (web.json_response([1]), "is not a chat completion"),
        (web.json_response({"choices": [None]}), "is not a chat completion"),
        (completion(None), "holds no text"),
        (completion(" "), "holds no text"),
        (completion("x" * 300_000), "is too long"),
    ],
)
async def test_an_answer_that_is_none_is_an_error_that_tells_nothing(
    answer: web.Response, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with chatting(answer) as chat, correcting(chat.url) as postprocessor:
        with pytest.raises(UnavailableError, match=words) as raised:
            await postprocessor.correct(TEXT, "en")
    told = str(raised.value) + "".join(str(vars(record)) for record in caplog.records if record.name.startswith("gate"))
    assert KEY not in told
    assert TEXT not in told
    assert "postprocess_failed" in told


async def test_a_redirect_is_not_followed() -> None:
    async with chatting(completion("stolen")) as elsewhere:
        there = web.Response(status=307, headers={"Location": f"{elsewhere.url}/chat/completions"})
        async with chatting(there) as chat, correcting(chat.url) as postprocessor:
            with pytest.raises(UnavailableError, match="status 307"):
                await postprocessor.correct(TEXT, "en")
    assert not elsewhere.asked


async def test_half_a_character_in_an_answer_does_no_harm() -> None:
    async with chatting(completion("Mr \ud83d Brown")) as chat, correcting(chat.url) as postprocessor:
        assert await postprocessor.correct(TEXT, "en") == "Mr ? Brown"


async def test_an_answer_without_end_is_given_up_at_the_limit() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b" " * 65536)
        return response

    async with chatting(endless) as chat, correcting(chat.url) as postprocessor:
        with pytest.raises(UnavailableError, match="too long"):
            await postprocessor.correct(TEXT, "en")


async def test_a_slow_model_and_an_absent_one_are_told_apart() -> None:
    async with waiting() as (chat, _go_on), correcting(chat.url, timeout_seconds=0.1) as postprocessor:
        with pytest.raises(DeadlineError, match=r"longer than 0\.1 s"):
            await postprocessor.correct(TEXT, "en")
    async with correcting(f"http://127.0.0.1:{free_ports(1)[0]}/v1") as postprocessor:
        with pytest.raises(UnavailableError, match="cannot be reached"):
            await postprocessor.correct(TEXT, "en")


@contextlib.asynccontextmanager
async def waiting() -> AsyncIterator[tuple[Chat, asyncio.Event]]:
    """A server that answers when it is told to go on."""
    go_on = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        await go_on.wait()
        return completion("done")

    async with chatting(answer) as chat:
        yield chat, go_on
        go_on.set()


async def test_so_many_at_once_so_many_wait_and_one_more_is_told_that_it_is_busy() -> None:
    async with waiting() as (chat, go_on), correcting(chat.url, max_at_once=2, max_waiting=3) as postprocessor:
        requests = [asyncio.create_task(postprocessor.correct(f"{TEXT} {i}", "en")) for i in range(5)]
        for _ in range(2):
            await chat.arrived.acquire()
        with pytest.raises(OverloadedError, match="post-processing is busy"):
            await postprocessor.correct(TEXT, "en")
        assert len(chat.asked) == 2
        go_on.set()
        assert await asyncio.gather(*requests) == ["done"] * 5
        assert await postprocessor.correct(TEXT, "en") == "done"


async def test_who_gives_up_waiting_leaves_no_turn_behind() -> None:
    async with waiting() as (chat, go_on), correcting(chat.url, max_at_once=1, max_waiting=1) as postprocessor:
        first, second = (asyncio.create_task(postprocessor.correct(TEXT, "en")) for _ in range(2))
        await chat.arrived.acquire()
        for request in (second, first):
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
        go_on.set()
        assert await postprocessor.correct(TEXT, "en") == "done"


async def test_what_is_not_configured_says_so() -> None:
    postprocessor = Postprocessor(Postprocess())
    assert not postprocessor.configured
    with pytest.raises(ServiceError, match=r"^post-processing is not configured$"):
        await postprocessor.correct(TEXT, "en")
    await postprocessor.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ENABLED": "true"}, r"postprocess\.enabled needs"),
        ({"BASE_URL": "ftp://host/v1"}, "must look like"),
        ({"BASE_URL": "https://host/v1?key=1"}, "must look like"),
        ({"BASE_URL": "https://me:secret@host/v1"}, "must hold no password"),
        ({"API_KEY": "12345678"}, r"postprocess\.api_key must be of type str$"),
        ({"API_KEY": '"12345678\\n"'}, r"postprocess\.api_key must be one line"),
        ({"TIMEOUT_SECONDS": "0"}, "must be more than 0"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_secrets(settings: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        load(None, {f"GATEWAY_POSTPROCESS__{key}": value for key, value in settings.items()})
    assert "secret" not in str(raised.value)
    assert "12345678" not in str(raised.value)


def test_the_key_is_not_shown_with_the_settings() -> None:
    assert KEY not in repr(load(None, {"GATEWAY_POSTPROCESS__API_KEY": KEY}))
