"""An actor whose record goes away, built unstarted; its timer fires when the test says so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from actors.patience import PatientActor, TryAgain
from actors.pool import ActorPool
from actors.timers import Timer
from gateway.ports.record import RecordUnavailableError


class FakeTimers:
    """Keeps what is due."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def after(self, delay: timedelta, action: Callable[[], None]) -> Timer:
        assert delay > timedelta()
        self.due.append(action)
        return Timer(action)


class Clerk(PatientActor):
    """Writes down what it is told, where there is something to write on."""

    def __init__(self, timers: Any) -> None:
        super().__init__(pool=ActorPool(threads=0), timers=timers)
        self.away = False
        self.written: list[object] = []
        self.gone_over: list[tuple[object, ...]] = []

    def begin(self) -> None:
        self._write("begun")

    def handle(self, message: object) -> None:
        self._write(message)

    def recovered(self, messages: tuple[object, ...]) -> None:
        self.gone_over.append(messages)

    def _write(self, message: object) -> None:
        if self.away:
            raise RecordUnavailableError("away")
        if message == "nonsense":
            raise ValueError(message)
        self.written.append(message)


@pytest.fixture
def timers() -> FakeTimers:
    return FakeTimers()


@pytest.fixture
def clerk(timers: FakeTimers) -> Clerk:
    return Clerk(timers)


def test_what_comes_while_the_record_is_away_is_done_in_its_order(clerk: Clerk, timers: FakeTimers) -> None:
    clerk.on_start()
    clerk.away = True
    clerk.on_receive("key")
    clerk.away = False
    clerk.on_receive("end")
    assert clerk.written == ["begun"], "the end waits for the key"
    clerk.on_receive(TryAgain())
    clerk.on_receive("new")
    assert clerk.written == ["begun", "key", "end", "new"]
    assert clerk.gone_over == [("key", "end")]
    assert len(timers.due) == 1


def test_it_tries_again_as_long_as_the_record_is_away(clerk: Clerk, timers: FakeTimers) -> None:
    clerk.away = True
    clerk.on_start()
    for _ in range(3):
        clerk.on_receive(TryAgain())
    assert len(timers.due) == 4
    clerk.away = False
    clerk.on_receive(TryAgain())
    assert clerk.written == ["begun"]
    assert len(timers.due) == 4, "nothing is left to be tried"


def test_a_record_that_goes_away_again_loses_nothing_of_what_was_kept(clerk: Clerk) -> None:
    clerk.away = True
    for message in "abc":
        clerk.on_receive(message)
    write, clerk.away = clerk.handle, False

    def goes_away(message: object) -> None:
        write(message)
        clerk.away = message == "b"

    clerk.handle = goes_away  # type: ignore[method-assign]
    clerk.on_receive(TryAgain())
    assert clerk.written == ["a", "b"]
    clerk.away = False
    clerk.on_receive(TryAgain())
    assert clerk.written == ["a", "b", "c"]
    assert clerk.gone_over == [("a", "b", "c")]


def test_a_fault_is_no_absence(clerk: Clerk, timers: FakeTimers) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        clerk.on_receive("nonsense")
    assert timers.due == []
