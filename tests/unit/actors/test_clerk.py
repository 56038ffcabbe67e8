"""ClerkActor and EventActor, built unstarted: what they ask of each other when things go wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.agenda import Agenda
from actors.backlog import CatchUp
from actors.clerk import ClerkActor
from actors.messages import LadderClimbed, LookAtLadder, LookFailed, WriteSteps
from actors.pool import ActorPool
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import Severity
from gateway.model.urgency import Urgency
from gateway.ports.record import EscalationRecord, RecordUnavailableError
from gateway.store import SqlRecord, migrate, open_record
from tests.records import NOW, add_event, add_tenant

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Asker:
    """Stands in for the reference to an event's actor."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def tell(self, message: object) -> None:
        self.told.append(message)

    @property
    def begun(self) -> int:
        """How many messages it was told to send."""
        return sum(len(told.advanced.begun) for told in self.told if isinstance(told, LadderClimbed))


class Alarm:
    """Timers that the test fires."""

    def __init__(self) -> None:
        self.set: list[tuple[timedelta, Any]] = []

    def after(self, delay: timedelta, action: Any) -> None:
        self.set.append((delay, action))

    def fired(self) -> None:
        """Forget all alarms but the one that was set last."""
        del self.set[:-1]


class FlakyRecord:
    """A record whose database is away when the test says so."""

    def __init__(self, record: SqlRecord) -> None:
        self._record = record
        self.away = False
        self.writes = 0

    def write(self) -> Any:
        self.writes += 1
        if self.away:
            raise RecordUnavailableError("the disk is full")
        return self._record.write()

    def read(self) -> Any:
        return self._record.read()


class Desk:
    def __init__(self, record: SqlRecord) -> None:
        self.at = NOW
        self.record = record
        self.flaky = FlakyRecord(record)
        self.tenant = add_tenant(record)
        self.alarm, self.agenda = Alarm(), Agenda()
        self.broken = False
        self.poison: set[int] = set()
        self.clerk = ClerkActor(
            pool=ActorPool(threads=1),
            record=self.flaky,  # type: ignore[arg-type] # a record as far as it is used
            clock=self,
            timers=self.alarm,  # type: ignore[arg-type] # likewise
            refusals=self,
            on_broken=self._break,
            agenda=self.agenda,
            catch_up=CatchUp(at_once=2, per_second=10),
        )

    def now(self) -> datetime:
        return self.at

    def refusal(self, level: Level, *, window_open: bool, escalation: EscalationRecord) -> str | None:
        if escalation.event.id in self.poison:
            raise ArithmeticError("two and two are five")
        return "window_closed" if level is Level.VOICE_NOTE else None

    def event(self, key: str, severity: Severity = Severity.WARN) -> int:
        return add_event(self.record, replace(self.tenant.new_event(key), severity=severity))

    def look(self, event_id: int, asker: Asker, *, late: timedelta | None = None, rank: int = 1) -> None:
        due_at = None if late is None else self.at - late
        self.clerk.on_receive(
            LookAtLadder(
                event_id=event_id,
                asker=asker,  # type: ignore[arg-type] # told, and nothing else
                seen={},
                precedence=Urgency(rank, due_at or self.at),
                due_at=due_at,
            )
        )

    def write(self) -> None:
        self.clerk.on_receive(WriteSteps(by_alarm=bool(self.alarm.set)))
        self.alarm.fired()

    def _break(self) -> None:
        self.broken = True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}/tocsin.db"
    migrate(url)
    record = open_record(url)
    yield Desk(record)
    record.close()


def asked(count: int) -> Sequence[Asker]:
    return [Asker() for _ in range(count)]


def test_all_who_have_asked_are_answered_from_one_transaction(desk: Desk) -> None:
    askers = asked(5)
    event_ids = [desk.event(str(number)) for number in range(5)]
    for event_id, asker in zip(event_ids, askers, strict=True):
        desk.look(event_id, asker)
    desk.flaky.writes = 0
    desk.write()
    assert [asker.begun for asker in askers] == [1] * 5
    assert desk.flaky.writes == 1


def test_one_event_that_asks_twice_is_answered_once_and_begins_nothing_twice(desk: Desk) -> None:
    event_id, asker = desk.event("a"), Asker()
    desk.look(event_id, asker)
    desk.look(event_id, asker, late=SECOND)
    desk.write()
    desk.look(event_id, asker)
    desk.write()
    assert (len(asker.told), asker.begun) == (2, 1)


def test_without_the_database_nothing_is_decided_and_nothing_lost(desk: Desk) -> None:
    event_id, asker = desk.event("a"), Asker()
    desk.flaky.away = True
    desk.look(event_id, asker)
    desk.write()
    assert asker.told == []
    assert len(desk.alarm.set) == 1, "it is tried again"
    desk.flaky.away = False
    desk.write()
    assert asker.begun == 1
    assert not desk.broken


def test_an_event_with_a_fault_holds_up_none_of_the_others(desk: Desk) -> None:
    first, ill, last = (desk.event(key) for key in "abc")
    askers = asked(3)
    desk.poison = {ill}
    for event_id, asker in zip((first, ill, last), askers, strict=True):
        desk.look(event_id, asker)
    desk.write()
    assert [asker.begun for asker in askers] == [1, 0, 1]
    assert askers[1].told == [LookFailed("ArithmeticError: two and two are five")]
    with desk.record.read() as work:
        assert work.attempts.of_event(ill) == []


def test_what_is_long_overdue_is_let_go_at_its_pace_the_gravest_first(desk: Desk) -> None:
    askers = asked(6)
    event_ids = [desk.event(str(number)) for number in range(6)]
    for number, (event_id, asker) in enumerate(zip(event_ids, askers, strict=True)):
        desk.look(event_id, asker, late=MINUTE, rank=2 - number // 2)
    desk.write()
    assert [asker.begun for asker in askers] == [0, 0, 0, 0, 1, 1]
    assert all(at is not None and at > desk.at for at in waiting(desk, event_ids[:4]).values()), "no auditor worries"
    desk.at += SECOND / 10
    desk.write()
    assert [asker.begun for asker in askers] == [0, 0, 1, 0, 1, 1]
    desk.at += SECOND
    desk.write()
    desk.at += SECOND
    desk.write()
    assert [asker.begun for asker in askers] == [1] * 6


def test_what_happens_to_an_overdue_event_is_looked_at_at_once(desk: Desk) -> None:
    askers = asked(4)
    event_ids = [desk.event(str(number)) for number in range(4)]
    for event_id, asker in zip(event_ids, askers, strict=True):
        desk.look(event_id, asker, late=MINUTE)
    desk.write()
    assert [asker.begun for asker in askers] == [1, 1, 0, 0]
    desk.look(event_ids[3], askers[3])
    desk.write()
    assert [asker.begun for asker in askers] == [1, 1, 0, 1]
    desk.at += MINUTE
    desk.write()
    assert [asker.begun for asker in askers] == [1] * 4


def test_a_step_that_is_a_little_late_is_not_held_back(desk: Desk) -> None:
    askers = asked(4)
    for number, asker in enumerate(askers):
        desk.look(desk.event(str(number)), asker, late=9 * SECOND)
    desk.write()
    assert [asker.begun for asker in askers] == [1] * 4


def test_an_attempt_is_on_record_before_anybody_is_told_to_make_it(desk: Desk) -> None:
    event_id = desk.event("a")

    class Looking(Asker):
        def tell(self, message: object) -> None:
            with desk.record.read() as work:
                states.extend(attempt.state for attempt in work.attempts.of_event(event_id))

    states: list[AttemptState] = []
    desk.look(event_id, Looking())
    desk.write()
    assert states == [AttemptState.PENDING]


def waiting(desk: Desk, event_ids: Sequence[int]) -> Mapping[int, datetime | None]:
    agenda = desk.agenda.copy()
    return {event_id: agenda[event_id] for event_id in event_ids}
