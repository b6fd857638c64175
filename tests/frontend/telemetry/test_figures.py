"""`/metrics` is put together in a thread, from all processes."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from frontend.telemetry import figures
from frontend.telemetry.figures import Figures
from frontend.telemetry.joining import Joined
from frontend.telemetry.metrics import MOST_MACHINES, Metrics, RequestEnded


async def test_a_page_shows_what_has_been_counted_until_it_was_asked_for() -> None:
    metrics = Metrics()
    pages = Figures(metrics)
    for number in range(1, 4):
        metrics.accepted.labels("live").inc()
        page = await pages.page()
        assert page.figures.value("gateway_accepted_total") == number
        assert f'gateway_accepted_total{{protocol="live"}} {number}.0\n'.encode() in page.text


async def test_the_figures_of_all_processes_are_on_it() -> None:
    one, other = Metrics(), Metrics()
    one.accepted.labels("live").inc(2)
    other.accepted.labels("live").inc(3)

    async def everybodys() -> Sequence[bytes]:
        return [one.snapshot(), other.snapshot()]

    assert (await Figures(one, everybodys).page()).figures.value("gateway_accepted_total") == 5


async def test_nothing_of_it_is_made_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    class Watched(Joined):
        def rendered(self) -> bytes:
            threads.append(threading.current_thread())
            return super().rendered()

    class WatchedMetrics(Metrics):
        def snapshot(self) -> bytes:
            threads.append(threading.current_thread())
            return super().snapshot()

    monkeypatch.setattr(figures, "Joined", Watched)
    await Figures(WatchedMetrics()).page()
    assert len(threads) == 2
    assert threading.current_thread() not in threads


async def test_as_many_machines_as_there_may_be_are_a_page_of_bounded_length() -> None:
    metrics = Metrics()
    for number in range(10 * MOST_MACHINES):
        for task in ("transcribe", "translate"):
            metrics.count(RequestEnded(f"machine {number}", task, "success", 1.0, 0.1), 0.1)
    text = (await Figures(metrics).page()).text
    assert len(text.splitlines()) < 3500
    assert b'machine_id="other"' in text


async def test_scrapes_by_anybody_do_not_pile_up() -> None:
    made = 0

    async def everybodys() -> Sequence[bytes]:
        nonlocal made
        made += 1
        return []

    pages = Figures(Metrics(), everybodys)
    await pages.page()
    await asyncio.gather(*(pages.page() for _ in range(200)))
    assert made == 2
