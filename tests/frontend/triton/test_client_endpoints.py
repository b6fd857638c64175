"""Several Tritons over gRPC: whoever fails, hangs or leaves, every call is answered by another one at once."""

import asyncio
import socket
from collections import Counter
from typing import Any

import grpc
import pytest

from frontend.speech import VAD
from frontend.telemetry.metrics import Metrics
from frontend.triton.client import TritonClient
from frontend.triton.endpoints import Endpoints
from frontend.triton.service import TritonSpeech
from frontend.triton.watch import Watch
from tests.frontend.triton.scripted_server import answered_by, client_of, inference, options, two_servers


async def ask(client: TritonClient, count: int, rows: int = 1) -> Counter[int]:
    """Who answered how many of so many calls at once."""
    outputs = await asyncio.gather(*(client.infer(inference(number, rows)) for number in range(count)))
    return Counter(map(answered_by, outputs))


async def says_that_it_lives(client: TritonClient, address: str) -> bool:
    """What comes of the last time that it was asked."""
    answering = client.endpoints.endpoint(address).is_answering
    assert answering is not None
    return await answering


async def test_calls_are_shared_by_what_is_under_way() -> None:
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        assert await ask(client, 8) == {1: 4, 2: 4}
        one.serves.clear()
        large = asyncio.create_task(client.infer(inference(0, rows=4)))
        await one.has_been_asked(5)
        assert await ask(client, 3) == {2: 3}, "one row at a time is less than four"
        one.serves.set()
        assert answered_by(await large) == 1


async def test_one_that_has_its_fill_of_small_calls_gets_no_more_while_another_has_room() -> None:
    chosen = options("placeholder", max_in_flight=2)
    async with two_servers() as (one, two), client_of(options(one.address, two.address, max_in_flight=2)) as client:
        one.serves.clear()
        two.serves.clear()
        large = asyncio.create_task(client.infer(inference(0, rows=8)))
        await one.has_been_asked(1)
        small = [asyncio.create_task(client.infer(inference(number))) for number in range(1, 4)]
        await two.has_been_asked(2)
        await one.has_been_asked(2)
        assert (len(one.asked), len(two.asked)) == (2, chosen.triton.max_in_flight)
        one.serves.set()
        two.serves.set()
        await asyncio.gather(large, *small)


async def test_who_left_while_it_was_asked_is_judged_alone() -> None:
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        client.endpoints.replace([two.address])
        client.judge("vad", one.address, "it does not answer")
        assert not client.answered_since("vad", one.address, 0.0)
        assert client.answers_as("vad", one.address, "its identity") == "its identity"
        place = client.endpoints.place("vad", two.address)
        assert place is not None
        assert place.serves
        assert not place.identity


async def test_a_server_that_is_gone_costs_no_call_and_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        assert await ask(client, 2) == {1: 1, 2: 1}
        one.serves.clear()
        calls = [asyncio.create_task(client.infer(inference(number))) for number in range(4)]
        await one.has_been_asked(3)
        monkeypatch.setattr("frontend.triton.client._FIRST_PAUSE_SECONDS", 1e6)
        one.failure = grpc.StatusCode.UNAVAILABLE
        one.serves.set()
        assert {answered_by(outputs) for outputs in await asyncio.gather(*calls)} == {2}
        await one.stop()
        assert await ask(client, 8) == {2: 8}


async def test_a_model_that_only_one_serves_is_asked_there() -> None:
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        one.failure = grpc.StatusCode.NOT_FOUND
        speech = TritonSpeech(client, options(one.address, two.address), Metrics())
        readiness = await speech.ready()
        assert readiness.ready
        assert readiness.endpoints[two.address] == {"vad": None}
        assert readiness.endpoints[one.address]["vad"] is not None
        asked = len(one.asked)
        assert await ask(client, 4) == {2: 4}
        assert len(one.asked) == asked
        one.failure = None
        assert (await speech.ready()).endpoints[one.address] == {"vad": None}
        assert await ask(client, 4) == {1: 2, 2: 2}


async def test_calls_leave_a_server_that_says_no_more_that_it_lives_and_come_back_when_it_does() -> None:
    chosen = options("placeholder")
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        watch, now = Watch(chosen.triton, client.endpoints), asyncio.get_running_loop().time()
        one.hang()
        watch.look(now)
        calls = [asyncio.create_task(client.infer(inference(number))) for number in range(6)]
        await one.has_been_asked(3)
        assert await says_that_it_lives(client, two.address)
        watch.look(now + chosen.triton.silent_seconds + 0.1)
        assert {answered_by(outputs) for outputs in await asyncio.gather(*calls)} == {2}
        assert await ask(client, 4) == {2: 4}
        one.go_on()
        assert await says_that_it_lives(client, one.address)
        assert await says_that_it_lives(client, two.address)
        watch.look(now + 10)
        assert await ask(client, 4) == {1: 2, 2: 2}


async def test_a_model_that_hangs_loses_its_calls_to_another_server_while_its_own_lives() -> None:
    chosen = options("placeholder")
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        watch = Watch(chosen.triton, client.endpoints)
        one.serves.clear()
        calls = [asyncio.create_task(client.infer(inference(number))) for number in range(4)]
        await one.has_been_asked(2)
        watch.look(asyncio.get_running_loop().time() + chosen.triton.attempt_seconds / 2 + 0.1)
        assert {answered_by(outputs) for outputs in await asyncio.gather(*calls)} == {2}
        assert not client.endpoints.endpoint(one.address).place("vad").serves
        one.serves.set()
        speech = TritonSpeech(client, options(one.address, two.address), Metrics())
        assert (await speech.ready()).ready
        assert await ask(client, 4) == {1: 2, 2: 2}


async def test_one_version_serves_at_a_time_until_most_have_the_next() -> None:
    async with two_servers() as (one, two), client_of(chosen := options(one.address, two.address)) as client:
        speech = TritonSpeech(client, chosen, Metrics())
        assert (await speech.ready()).ready
        two.identity = "11"
        assert (await speech.ready()).ready
        assert await ask(client, 4) == {1: 4}
        assert version(speech) == "00"
        one.identity = "11"
        await speech.ready()
        await speech.ready()
        assert await ask(client, 4) == {1: 2, 2: 2}
        assert version(speech) == "11"


def version(speech: TritonSpeech) -> str:
    manifest = speech.manifest(VAD)
    assert manifest is not None
    return manifest.identity


async def test_of_each_server_so_many_calls_are_under_way_and_those_that_hang_take_no_others_place() -> None:
    async with two_servers() as (one, two), client_of(options(one.address, two.address, max_in_flight=2)) as client:
        one.serves.clear()
        two.serves.clear()
        calls = [asyncio.create_task(client.infer(inference(number))) for number in range(7)]
        await one.has_been_asked(2)
        await two.has_been_asked(2)
        assert (len(one.asked), len(two.asked)) == (2, 2)
        two.serves.set()
        await two.has_been_asked(5)
        assert len(one.asked) == 2
        one.serves.set()
        assert Counter(map(answered_by, await asyncio.gather(*calls))) == {1: 2, 2: 5}


async def test_a_name_stands_for_the_servers_that_it_stands_for_now(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = ["127.0.0.1"]

    def told(name: str, port: int, *_: Any, **__: Any) -> Any:
        assert name == "triton.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", told)
    chosen = options("triton.test:8001").triton
    endpoints = Endpoints(["triton.test:8001"], Metrics())
    watch = Watch(chosen, endpoints)
    await watch.arrange(0.0)
    assert [each.address for each in endpoints.all] == ["127.0.0.1:8001"]
    hosts[:] = ["127.0.0.3", "127.0.0.2"]
    await watch.arrange(chosen.resolve_seconds - 0.1)
    assert len(endpoints.all) == 1
    await watch.arrange(chosen.resolve_seconds)
    assert [each.address for each in endpoints.all] == ["127.0.0.2:8001", "127.0.0.3:8001"]
    hosts.clear()
    await watch.arrange(3 * chosen.resolve_seconds)
    assert len(endpoints.all) == 2, "an empty answer is none"
    assert caplog.records[-1].__dict__["facts"] == {"names": "triton.test"}
    await endpoints.close()


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        ("triton", ("triton", 8001)),
        ("triton:9", ("triton", 9)),
        ("[::1]:9", ("::1", 9)),
        ("::1", ("::1", 8001)),
        ("10.0.0.1:9", ("10.0.0.1", 9)),
    ],
)
def test_an_endpoint_is_a_host_with_or_without_a_port(endpoint: str, target: tuple[str, int]) -> None:
    assert list(options(endpoint).triton.targets) == [target]


@pytest.mark.parametrize(
    "endpoint", ["", "http://triton:8001", "triton:", "triton:0", "triton:65536", "a b", "a:1,b:2", "a:1:2"]
)
def test_what_is_no_endpoint_is_told(endpoint: str) -> None:
    with pytest.raises(ValueError, match="is neither a host nor host:port"):
        assert options(endpoint).triton.targets


async def test_whoever_is_complained_of_is_soon_asked_again() -> None:
    endpoints = Endpoints(["one:1", "two:1"], Metrics())
    assert not await endpoints.troubled(0.0)
    waiting = asyncio.create_task(endpoints.troubled(60.0))
    place = endpoints.endpoint("one:1").place("vad")
    endpoints.complain(place, "it fails")
    assert await asyncio.wait_for(waiting, 10)
    endpoints.complain(place, "it still does")
    assert not await endpoints.troubled(0.0), "which is known"
    await endpoints.close()


async def test_a_name_that_is_not_found_for_long_keeps_nobody_from_being_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = options("placeholder")
    async with two_servers() as (one, two), client_of(options(one.address, two.address)) as client:
        watch = Watch(chosen.triton, client.endpoints)
        monkeypatch.setattr(watch, "arrange", lambda _now: asyncio.Event().wait())
        watching = asyncio.create_task(watch.run())
        await one.stop()
        async with asyncio.timeout(20):
            while client.endpoints.endpoint(one.address).is_live:
                await asyncio.wait({watching}, timeout=0.05)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
