import asyncio
from collections.abc import Sequence

from frontend.triton.batching import Batcher, BatchOptions


class Model:
    """Doubles numbers, a batch at a time, when it is allowed to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.under_way = self.most_under_way = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, rows: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(rows))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.open.wait()
        self.under_way -= 1
        if -1 in rows:
            raise ValueError("a bad batch")
        return [2 * row for row in rows if row != -2]


def batcher(model: Model, max_rows: int = 8, wait_seconds: float = 0.01, max_in_flight: int = 2) -> Batcher[int, int]:
    return Batcher(model, BatchOptions(max_rows, wait_seconds, max_in_flight), lambda rows, waits: None)


async def test_rows_that_come_together_travel_together_and_each_gets_its_own() -> None:
    model = Model()
    one = batcher(model)
    assert await asyncio.gather(*(one.submit(row) for row in range(6))) == [0, 2, 4, 6, 8, 10]
    assert model.batches == [[0, 1, 2, 3, 4, 5]]


async def test_a_full_batch_does_not_wait() -> None:
    model = Model()
    one = batcher(model, max_rows=3, wait_seconds=60)
    assert await asyncio.gather(*(one.submit(row) for row in range(6))) == [0, 2, 4, 6, 8, 10]
    assert model.batches == [[0, 1, 2], [3, 4, 5]]


async def test_rows_gather_while_all_permitted_calls_are_under_way() -> None:
    model = Model()
    model.open.clear()
    one = batcher(model, max_rows=100, wait_seconds=0)
    waiting = []
    for row in range(20):
        waiting.append(asyncio.create_task(one.submit(row)))
        for _ in range(5):
            await asyncio.sleep(0)
    model.open.set()
    assert await asyncio.gather(*waiting) == [2 * row for row in range(20)]
    assert model.most_under_way == 2
    assert len(model.batches) == 3, "what came while two calls were under way travels in one"


async def test_an_error_reaches_the_rows_of_its_batch_and_no_other() -> None:
    model = Model()
    one = batcher(model, max_rows=2)
    results = await asyncio.gather(*(one.submit(row) for row in (1, -1, 2, 3)), return_exceptions=True)
    assert isinstance(results[0], ValueError)
    assert isinstance(results[1], ValueError)
    assert results[2:] == [4, 6]


async def test_a_row_whose_stream_is_gone_is_not_sent() -> None:
    model = Model()
    one = batcher(model, wait_seconds=0.02)
    leaving = asyncio.create_task(one.submit(1))
    staying = asyncio.create_task(one.submit(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 4
    assert model.batches == [[2]]


async def test_drain_waits_for_everything() -> None:
    model = Model()
    model.open.clear()
    one = batcher(model, wait_seconds=0)
    row = asyncio.create_task(one.submit(1))
    await asyncio.sleep(0)
    draining = asyncio.create_task(one.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    model.open.set()
    await draining
    assert await row == 2


async def test_a_model_that_forgets_a_row_is_an_error_and_nobody_waits_for_ever() -> None:
    one = batcher(Model())
    results = await asyncio.gather(one.submit(1), one.submit(-2), return_exceptions=True)
    assert all(isinstance(result, ValueError) for result in results)
    assert await one.submit(3) == 6
