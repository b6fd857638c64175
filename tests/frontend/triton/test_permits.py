import asyncio

from frontend.telemetry.metrics import Metrics
from frontend.triton.endpoints import Endpoints
from frontend.triton.permits import Permits


def permits(most: int) -> Permits:
    return Endpoints(["127.0.0.1:1"], Metrics()).permits("asr", most)


async def test_what_is_urgent_goes_first_and_the_rest_in_the_order_in_which_it_was_asked() -> None:
    shared, order = permits(1), list[str]()

    async def ask(name: str, urgent: bool) -> None:
        await shared.acquire(urgent)
        order.append(name)
        shared.release()

    await shared.acquire()
    names = ("file 1", "live 1", "file 2", "live 2")
    asking = [asyncio.create_task(ask(name, name.startswith("live"))) for name in names]
    await asyncio.sleep(0)
    shared.release()
    await asyncio.gather(*asking)
    assert order == ["live 1", "live 2", "file 1", "file 2"]


async def test_whoever_goes_away_while_it_waits_takes_no_permit_along() -> None:
    shared = permits(1)
    await shared.acquire()
    gone, given, last = (asyncio.create_task(shared.acquire()) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    shared.release()
    given.cancel()  # in the moment in which it was given
    await asyncio.wait({last}, timeout=10)
    assert (gone.cancelled(), given.cancelled(), last.done()) == (True, True, True)


async def test_who_asks_has_to_wait_where_none_is_left_or_others_wait() -> None:
    shared = permits(1)
    assert not shared.locked()
    await shared.acquire()
    assert shared.locked()
    waiting = asyncio.create_task(shared.acquire(urgent=False))
    await asyncio.sleep(0)
    shared.release()
    assert shared.locked(), "it is given to who waits"
    await asyncio.wait_for(waiting, 10)
    shared.release()
    assert not shared.locked()
