"""Admission on a scripted machine, whose waits depend on how many streams it carries, in simulated time."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from frontend.config import settings
from frontend.connection.admission import Admission
from frontend.errors import OverloadedError
from frontend.telemetry.load_figures import LoadFigures
from frontend.telemetry.pressure import Pressure

TICK_SECONDS = 0.25


class Machine:
    """Carries so many streams; beyond them finals come later the more there are. Each tells one in four seconds."""

    def __init__(self, carries: int, options: settings.Admission | None = None) -> None:
        self.carries, self.now = carries, 0.0
        self.registry = CollectorRegistry()
        self.pressure = Pressure(lambda: self.now)
        self.admission = Admission(options or settings.Admission(), self.pressure, LoadFigures(self.registry))
        self._finals = 0.0

    @property
    def lag_seconds(self) -> float:
        return 0.2 + max(0.0, 4.0 * (self.admission.streams / self.carries - 1))

    def come(self, count: int) -> int:
        """How many of so many that come at once are let in."""
        before = self.admission.streams
        for _ in range(count):
            try:
                self.admission.admit("streams")
            except OverloadedError:
                continue
            self.admission.enter("streams")
        return self.admission.streams - before

    def leave(self, count: int) -> None:
        for _ in range(count):
            self.admission.leave("streams")

    def pass_by(self, seconds: float) -> Iterator[None]:
        for _ in range(round(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            for _ in range(3):
                self.pressure.loop_lag_seconds.observe(0.001)
            self._finals += self.admission.streams * TICK_SECONDS / 4
            while self._finals >= 1:
                self._finals -= 1
                self.pressure.live_lag_seconds.observe(self.lag_seconds)
            self.admission.look()
            yield

    def wait(self, seconds: float) -> None:
        for _ in self.pass_by(seconds):
            pass


def filled(machine: Machine) -> Machine:
    """One stream more in each quarter of a second, for as long as they are let in."""
    for _ in machine.pass_by(60):
        machine.come(1)
    return machine


def test_nobody_is_refused_where_nobody_waits() -> None:
    machine = Machine(carries=10_000)
    assert machine.come(1000) == 1000
    machine.wait(30)
    assert machine.come(1000) == 1000
    assert machine.admission.capacity is None
    assert machine.admission.percent < 100


def test_what_a_machine_carries_is_learned_and_from_there_on_kept() -> None:
    machine = filled(Machine(carries=100))
    lags, running = [], []
    for _ in machine.pass_by(300):
        machine.come(5)
        lags.append(machine.lag_seconds)
        running.append(machine.admission.streams)
        if len(lags) % 8 == 0:
            machine.leave(2)
    assert 80 <= min(running) <= max(running) <= 120, "neither empty nor overrun"
    assert sum(lags) / len(lags) < machine.admission._options.live_lag_seconds
    assert machine.admission.capacity == pytest.approx(100, rel=0.2)


def test_a_refusal_says_how_full_it_is_and_when_to_come_back() -> None:
    machine = filled(Machine(carries=40))
    with pytest.raises(OverloadedError, match=r"^the machine is 100 % full, .*: try again in \d+ s$") as refused:
        machine.admission.admit("streams")
    assert 1 <= refused.value.retry_seconds <= 30
    assert machine.admission.told()["takes"] == []
    assert machine.registry.get_sample_value("gateway_full_percent") == 100
    assert machine.registry.get_sample_value("gateway_capacity_streams") == machine.admission.capacity
    assert (machine.registry.get_sample_value("gateway_full_refused_total", {"kind": "streams"}) or 0) > 0


def test_who_carries_all_that_it_can_takes_nobody_though_nobody_waits() -> None:
    machine = filled(Machine(carries=40))
    machine.leave(20)
    machine.wait(10)
    machine.come(40)  # in one moment, before anybody can have waited
    assert not machine.admission.full
    assert machine.admission.told()["takes"] == []


def test_ten_seconds_after_the_load_is_gone_all_are_let_in_that_it_carries() -> None:
    for left in (0, 30):
        machine = filled(Machine(carries=60))
        machine.leave(machine.admission.streams - left)
        machine.wait(10)
        assert machine.come(15) == 15
        assert machine.admission.percent < 100


def test_what_was_learned_in_a_bad_moment_is_not_believed_for_long() -> None:
    machine = Machine(carries=5)
    filled(machine)
    assert machine.admission.capacity is not None
    assert machine.admission.capacity < 8
    machine.carries = 100
    for _ in machine.pass_by(300):
        machine.come(1)
    assert machine.admission.streams > 50


def test_files_are_refused_before_people_who_speak() -> None:
    machine = filled(Machine(carries=60))
    capacity = machine.admission.capacity
    assert capacity is not None
    machine.leave(machine.admission.streams - round(0.95 * capacity))
    machine.wait(20)
    with pytest.raises(OverloadedError, match="people who speak"):
        machine.admission.admit("files")
    machine.admission.admit("streams")
    machine.leave(machine.admission.streams)
    machine.wait(10)
    machine.admission.admit("files")


def test_files_are_no_streams() -> None:
    admission = Machine(carries=5).admission
    for kind in ("files", "streams", "files"):
        admission.enter(kind)
    assert admission.streams == 1
    admission.leave("files")
    assert admission.streams == 1


@pytest.mark.parametrize("signal", ["loop_lag_seconds", "queue_seconds", "live_lag_seconds"])
def test_each_wait_fills_the_machine(signal: str) -> None:
    machine = Machine(carries=100)
    assert machine.come(1) == 1
    level = getattr(machine.pressure, signal)
    for _ in machine.pass_by(3):
        level.observe(10 * getattr(settings.Admission(), signal))
    assert machine.come(1) == 0
    machine.wait(20)
    assert machine.come(1) == 1


def test_one_late_moment_is_no_full_machine() -> None:
    machine = Machine(carries=100)
    machine.wait(5)
    machine.pressure.loop_lag_seconds.observe(1.0)
    machine.admission.look()
    assert machine.come(1) == 1


def test_admission_can_be_switched_off() -> None:
    machine = Machine(carries=5, options=settings.Admission(enabled=False))
    assert machine.come(100) == 100
    machine.wait(60)
    assert machine.come(100) == 100
