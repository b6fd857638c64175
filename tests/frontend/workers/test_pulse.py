"""Who hangs is killed; who is slow, who has not begun and who was stopped together with its parent is not."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from frontend.memory.ledger import Ledger
from frontend.telemetry.logs import Log
from frontend.workers import pulse
from frontend.workers.pulse import Pulse, beat
from tests.triton_server import wait_until


@dataclass
class Worker:
    """As the parent sees one."""

    row: int
    pid: int = 7
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        self.killed.set()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(pulse, "_BEAT_SECONDS", 0.01)


async def test_who_stands_still_is_killed_and_who_has_not_begun_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(3, 0)
    hung, fresh = Worker(1), Worker(2)
    Ledger(3, 1, ledger.file).tally("pulse").set(1)
    watching = asyncio.create_task(Pulse(ledger, 5.0, Log("workers")).watch(lambda: [hung, fresh]))
    with caplog.at_level(logging.WARNING):
        await asyncio.wait_for(hung.killed.wait(), 30)
    watching.cancel()
    assert not fresh.killed.is_set()
    assert [record.getMessage() for record in caplog.records].count("worker hung") >= 1


async def test_who_beats_lives_and_its_number_goes_on() -> None:
    ledger = Ledger(2, 0)
    mine = Ledger(2, 1, ledger.file)
    beating = asyncio.create_task(beat(mine))
    await asyncio.sleep(0)
    first = ledger.amount("pulse", 1)
    await asyncio.to_thread(wait_until, lambda: ledger.amount("pulse", 1) > first > 0)
    beating.cancel()


async def test_who_stops_beating_is_not_expected_to_go_on() -> None:
    """A drain may take longer than a pulse may stand still."""
    ledger = Ledger()
    beating = asyncio.create_task(beat(ledger))
    await asyncio.to_thread(wait_until, lambda: ledger.amount("pulse", 0) > 0)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert ledger.amount("pulse", 0) == 0


async def test_it_may_be_switched_off() -> None:
    await asyncio.wait_for(Pulse(Ledger(), 0.0, Log("workers")).watch(list), 30)
