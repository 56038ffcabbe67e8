"""Timers."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from actors import timers as timers_module
from actors.timers import Timers
from tests.waiting import until


@pytest.fixture
def timers() -> Iterator[Timers]:
    timers = Timers()
    yield timers
    timers.stop()


class StoppedClock:
    """A monotonic clock that stands still until it is moved, however long the test takes to schedule something."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    clock = StoppedClock()
    monkeypatch.setattr(timers_module, "time", clock)
    return clock


def ms(number: int) -> timedelta:
    return timedelta(milliseconds=number)


def test_actions_run_in_the_order_of_their_times(stopped_clock: StoppedClock, timers: Timers) -> None:
    ran: list[int] = []
    for delay in (60, 20, 40):
        timers.after(ms(delay), lambda delay=delay: ran.append(delay))  # type: ignore[misc]
    stopped_clock.seconds += 1
    until(lambda: len(ran) == 3, 5, "all timers fire")
    assert ran == [20, 40, 60]


def test_a_cancelled_timer_does_not_fire(stopped_clock: StoppedClock, timers: Timers) -> None:
    ran: list[str] = []
    timers.after(ms(20), lambda: ran.append("cancelled")).cancel()
    timers.after(ms(40), lambda: ran.append("kept"))
    stopped_clock.seconds += 1
    until(lambda: bool(ran), 5, "the other timer fires")
    assert ran == ["kept"]


def test_an_earlier_timer_is_not_held_up_by_a_later_one(timers: Timers) -> None:
    fired = threading.Event()
    timers.after(timedelta(hours=1), lambda: None)
    timers.after(ms(1), fired.set)
    assert fired.wait(60)


def test_an_action_that_raises_does_not_stop_the_others(timers: Timers) -> None:
    fired = threading.Event()
    timers.after(ms(1), lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    timers.after(ms(2), fired.set)
    assert fired.wait(60)


def test_a_delay_that_is_over_already_fires_at_once(timers: Timers) -> None:
    fired = threading.Event()
    timers.after(timedelta(seconds=-5), fired.set)
    assert fired.wait(60)
