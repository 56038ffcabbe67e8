"""The clock of the records, while the machine's clock is set."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.app import clock
from gateway.app.clock import SteadyClock, WallClock

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


class Machine:
    """A machine's two clocks: one that is set, and one that only goes on."""

    def __init__(self) -> None:
        self.wall = T0
        self.uptime = 1000.0

    def now(self, zone: object) -> datetime:
        assert zone is UTC
        return self.wall

    def monotonic(self) -> float:
        return self.uptime

    def passes(self, length: timedelta) -> None:
        self.wall += length
        self.uptime += length.total_seconds()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(clock, "datetime", machine)
    monkeypatch.setattr(clock, "time", machine)
    return machine


@pytest.mark.parametrize("jump", [timedelta(hours=-5), timedelta(hours=5), timedelta(days=400)])
def test_setting_the_machines_clock_does_not_move_the_records_clock(machine: Machine, jump: timedelta) -> None:
    steady, wall = SteadyClock(), WallClock()
    machine.passes(timedelta(seconds=10))
    machine.wall += jump
    machine.passes(timedelta(seconds=5))
    assert steady.now() == T0 + timedelta(seconds=15)
    assert wall.now() == T0 + timedelta(seconds=15) + jump


def test_a_new_process_takes_the_machines_time_over(machine: Machine) -> None:
    SteadyClock()
    machine.wall -= timedelta(hours=3)
    assert SteadyClock().now() == T0 - timedelta(hours=3)
