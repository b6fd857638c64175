"""One Triton over gRPC: what is asked of it at the same time, by whom."""

import asyncio

import pytest

from frontend.errors import DeadlineError
from frontend.speech import VAD
from tests.frontend.triton.scripted_server import answered_by, client_of, inference, options, two_servers


async def test_who_waits_behind_a_probe_goes_on_when_it_ends() -> None:
    async with two_servers() as (one, _), client_of(options(one.address, max_in_flight=1)) as client:
        one.serves.clear()
        probe = asyncio.create_task(client.attempt(inference(0), 10, one.address))
        await one.has_been_asked(1)
        permitted = asyncio.create_task(client.permits(VAD).acquire())  # as a turn does, for as long as it takes
        await asyncio.sleep(0)
        assert not permitted.done(), "the probe takes what is permitted"
        one.serves.set()
        await probe
        await asyncio.wait_for(permitted, 10)
        assert answered_by(await client.infer(inference(1), permitted=True)) == 1
        assert len(one.asked) == 2


async def test_who_waits_gets_the_place_that_another_try_was_permitted_for_and_did_not_take() -> None:
    more = {"max_in_flight": 1, "attempt_seconds": 60.0}
    async with two_servers() as (one, two), client_of(options(one.address, two.address, **more)) as client:
        one.hang()
        two.hang()
        first = asyncio.create_task(client.infer(inference(1)))
        await one.has_been_asked(1)
        second = asyncio.create_task(client.infer(inference(2)))
        await two.has_been_asked(1)
        client.endpoints.endpoint(one.address).place("vad").wake()  # as when it hangs: the call is to go elsewhere
        await turns_of_the_loop(10)
        waiting = asyncio.create_task(client.infer(inference(3)))
        await turns_of_the_loop(10)
        one.go_on()
        await two.has_been_asked(2)
        assert answered_by(await asyncio.wait_for(waiting, 10)) == 1
        two.go_on()
        assert [answered_by(outputs) for outputs in await asyncio.gather(first, second)] == [2, 2]


async def test_who_waits_behind_a_probe_that_was_given_up_goes_on_when_it_ends() -> None:
    async with two_servers() as (one, _), client_of(options(one.address, max_in_flight=1)) as client:
        one.serves.clear()
        probe = asyncio.create_task(client.attempt(inference(0), 0.05, one.address))
        await one.has_been_asked(1)
        waiting = asyncio.create_task(client.infer(inference(1)))
        with pytest.raises(DeadlineError):
            await probe
        one.serves.set()
        assert answered_by(await asyncio.wait_for(waiting, 5)) == 1


async def turns_of_the_loop(count: int) -> None:
    """Whoever was woken goes on and waits again."""
    for _ in range(count):
        await asyncio.sleep(0)
