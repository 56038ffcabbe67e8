"""Owners are told in turns: at once when it is quiet, together when it is not, and never later than their deadline."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.messages import EventChanged
from actors.owner import ChatServed, LookForEdits, OwnerActor, TellOwner
from actors.pool import ActorPool
from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import Event, EventStatus, Severity
from gateway.ports.record import EscalationRecord, RecordUnavailableError
from gateway.services.advance import Begun
from gateway.services.owner_messages import MOST_TOGETHER, MessagePlace, Told
from tests.records import a_snapshot
from tests.waiting import until

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DEADLINE = timedelta(seconds=15)


class ManualTimers:
    """Timers and a clock that the test moves."""

    def __init__(self) -> None:
        self.at = NOW
        self._pending: list[tuple[datetime, Any]] = []

    def now(self) -> datetime:
        return self.at

    def after(self, delay: timedelta, action: Callable[[], None]) -> "ManualTimer":
        timer = ManualTimer(action)
        self._pending.append((self.at + max(delay, timedelta()), timer))
        return timer

    def move(self, by: timedelta, settle: Callable[[], None]) -> None:
        end = self.at + by
        while True:
            due = sorted((at for at, timer in self._pending if at <= end and timer.action is not None))
            if not due:
                break
            self.at = max(self.at, due[0])
            for entry in [entry for entry in self._pending if entry[0] <= self.at]:
                self._pending.remove(entry)
                if entry[1].action is not None:
                    entry[1].action()
            settle()
        self.at = end


class ManualTimer:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class HeldExecutor(Executor):
    """Keeps work until the test lets it be done."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.work.append(fn)
        return Future()


class FakeDesk:
    """Gives turns as told, and keeps what it is asked to do."""

    def __init__(self) -> None:
        self.wait = timedelta()
        self.sent: list[list[int]] = []
        self.put_aside: list[tuple[list[int], str]] = []
        self.edited: list[MessagePlace] = []
        self.places: list[MessagePlace] = []
        self.faults: list[Exception] = []
        self.turns_fail = False

    def turn(self, chat: str) -> timedelta:
        if self.turns_fail:
            raise RuntimeError(chat)
        return self.wait

    def tell(self, told: Sequence[Told]) -> None:
        self.sent.append([begun.attempt.event_id for begun, _ in told])
        if self.faults:
            raise self.faults.pop()

    def put_off(self, told: Sequence[Told], reason: str) -> None:
        self.put_aside.append(([begun.attempt.event_id for begun, _ in told], reason))

    def due(self) -> Sequence[MessagePlace]:
        if self.faults:
            raise self.faults.pop()
        return self.places

    def refresh(self, place: MessagePlace) -> None:
        self.edited.append(place)
        self.places = [each for each in self.places if each != place]


class Stage:
    """An actor, and everything around it in the test's hands."""

    def __init__(self, pool: ActorPool) -> None:
        self.timers, self.executor, self.desk = ManualTimers(), HeldExecutor(), FakeDesk()
        self.told: list[object] = []
        self.broken: list[bool] = []
        self.actor = OwnerActor.start(
            pool=pool,
            clock=self.timers,
            timers=self.timers,
            executor=self.executor,
            desk=self.desk,
            dispatcher=self.told.append,
            most_at_once=2,
            on_broken=lambda: self.broken.append(True),
        )
        self.settle()
        self.work()

    def tell(
        self, *event_ids: int, chat: str = "1", license_id: int = 1, deadline: timedelta | None = DEADLINE
    ) -> None:
        for event_id in event_ids:
            self.actor.tell(TellOwner(*due(event_id, self.timers.at, chat, license_id, deadline)))
        self.settle()

    def settle(self) -> None:
        self.actor.proxy().actor_urn.get(timeout=5)

    def work(self) -> None:
        """Do what was handed over, and what that leads to."""
        while self.executor.work:
            self.executor.work.pop(0)()
            self.settle()

    def move(self, seconds: float) -> None:
        self.timers.move(timedelta(seconds=seconds), self._settle_and_work)

    def _settle_and_work(self) -> None:
        self.settle()
        self.work()


def due(
    event_id: int, at: datetime, chat: str, license_id: int, deadline: timedelta | None
) -> tuple[Begun, EscalationRecord]:
    attempt = Attempt(
        id=event_id * 10,
        event_id=event_id,
        contact_id=None,
        level=Level.OWNER,
        number=1,
        state=AttemptState.PENDING,
        began_at=at,
        deadline_at=None if deadline is None else at + deadline,
    )
    event = Event(
        id=event_id,
        license_id=license_id,
        source_id=1,
        title="Intrusion",
        body="",
        severity=Severity.WARN,
        dedup_key="",
        payload="{}",
        status=EventStatus.OPEN,
        repeat_count=0,
        created_at=at,
    )
    snapshot = replace(a_snapshot(), owner_telegram=chat)
    return Begun(attempt=attempt), EscalationRecord(event=event, snapshot=snapshot, history=(attempt,))


@pytest.fixture
def stage() -> Iterator[Stage]:
    pool = ActorPool(threads=1)
    stage = Stage(pool)
    yield stage
    assert pool.stop(5)
    assert not stage.broken


def test_the_first_is_sent_at_once_and_alone(stage: Stage) -> None:
    stage.tell(1)
    stage.work()
    assert stage.desk.sent == [[1]]
    assert stage.told == [EventChanged(1)]


def test_what_follows_soon_goes_together(stage: Stage) -> None:
    stage.tell(1)
    stage.work()
    stage.tell(2, 3, 4)
    stage.work()
    assert stage.desk.sent == [[1]]
    stage.move(5)
    assert stage.desk.sent == [[1], [2, 3, 4]]
    assert stage.told == [EventChanged(event_id) for event_id in (1, 2, 3, 4)]


def test_five_hundred_in_a_minute_make_a_dozen_messages(stage: Stage) -> None:
    for number in range(500):
        stage.tell(number + 1)
        stage.work()
        stage.move(0.12)
    stage.move(10)
    assert sorted(event_id for sent in stage.desk.sent for event_id in sent) == list(range(1, 501))
    assert len(stage.desk.sent) <= 14
    assert stage.desk.put_aside == []


def test_no_message_is_about_more_than_a_hundred(stage: Stage) -> None:
    stage.tell(*range(1, 300))
    stage.work()
    stage.move(14)
    assert max(len(sent) for sent in stage.desk.sent) == MOST_TOGETHER
    assert sum(len(sent) for sent in stage.desk.sent) == 299


def test_alerts_of_different_licenses_are_told_apart(stage: Stage) -> None:
    stage.tell(1)
    stage.work()
    stage.tell(2)
    stage.tell(3, license_id=2)
    stage.tell(4)
    stage.move(12)
    assert stage.desk.sent == [[1], [2, 4], [3]]


def test_owners_do_not_wait_for_each_other_but_no_more_than_so_many_are_served_at_once(stage: Stage) -> None:
    for chat in (1, 2, 3):
        stage.tell(chat, chat=str(chat))
    assert len(stage.executor.work) == 2
    stage.work()
    assert stage.desk.sent == [[1], [2], [3]]


def test_a_chat_waits_for_its_turn(stage: Stage) -> None:
    stage.desk.wait = timedelta(seconds=4)
    stage.tell(1)
    stage.work()
    assert stage.desk.sent == []
    stage.desk.wait = timedelta()
    stage.move(4)
    assert stage.desk.sent == [[1]]


def test_what_cannot_be_sent_before_its_deadline_is_put_off_at_once_with_the_reason(stage: Stage) -> None:
    stage.desk.wait = timedelta(seconds=40)
    stage.tell(1, 2)
    stage.work()
    assert stage.desk.put_aside == [
        ([1], "flood control: 40 s until the next message to this chat"),
        ([2], "flood control: 40 s until the next message to this chat"),
    ]
    assert stage.told == [EventChanged(1), EventChanged(2)]
    stage.move(60)
    assert stage.desk.sent == []


def test_gathering_never_takes_more_than_half_of_the_time_that_there_is(stage: Stage) -> None:
    stage.tell(1)
    stage.work()
    stage.tell(2, deadline=timedelta(seconds=2))
    stage.move(1)
    assert stage.desk.sent == [[1], [2]]


def test_messages_are_edited_when_something_changed_and_after_what_is_new(stage: Stage) -> None:
    stage.desk.places = [MessagePlace("1", "11"), MessagePlace("2", "22")]
    stage.tell(1)
    stage.actor.tell(LookForEdits())
    stage.settle()
    stage.work()
    assert stage.desk.sent == [[1]]
    assert sorted(place.message_id for place in stage.desk.edited) == ["11", "22"]


def test_an_edit_is_not_begun_twice(stage: Stage) -> None:
    place = MessagePlace("1", "11")
    stage.desk.places = [place]
    stage.actor.tell(LookForEdits())
    stage.settle()
    stage.executor.work.pop(0)()  # the look
    stage.settle()
    (edit,) = stage.executor.work
    stage.executor.work.clear()
    stage.actor.tell(LookForEdits())
    stage.settle()
    stage.work()
    assert stage.desk.edited == []
    edit()
    stage.settle()
    stage.work()
    assert stage.desk.edited == [place]


def test_the_record_is_looked_at_every_second(stage: Stage) -> None:
    stage.desk.places = [MessagePlace("1", "11")]
    stage.move(1)
    assert stage.desk.edited == [MessagePlace("1", "11")]


@pytest.mark.parametrize("error", [RuntimeError("no luck"), RecordUnavailableError("away")])
def test_a_failure_ends_nothing(stage: Stage, error: Exception) -> None:
    stage.desk.faults = [error]
    stage.tell(1)
    stage.work()
    stage.desk.faults = [error]
    stage.move(3)
    stage.tell(2)
    stage.move(10)
    assert stage.desk.sent == [[1], [2]]
    assert stage.told[:1] == [EventChanged(1)]


def test_a_broken_actor_asks_for_another(stage: Stage) -> None:
    stage.desk.turns_fail = True
    stage.actor.tell(TellOwner(*due(1, NOW, "1", 1, None)))
    until(lambda: stage.broken, 5, "another is asked for")
    stage.broken.clear()


def test_being_served_twice_does_no_harm(stage: Stage) -> None:
    stage.actor.tell(ChatServed("1"))
    stage.tell(1)
    stage.work()
    assert stage.desk.sent == [[1]]
