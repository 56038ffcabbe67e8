"""AuditorActor, built unstarted, with faults that nobody else would notice."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from actors.agenda import Agenda
from actors.auditor import AuditorActor, AuditResult
from actors.calling import LONGEST_CALL
from actors.messages import (
    Audit,
    CallOverdue,
    CallsUnknown,
    CheckCalls,
    EventChanged,
    PlaceCall,
    SayWhoLives,
    StartAgain,
    WhoLives,
)
from actors.pool import ActorPool
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import Call
from gateway.model.license import SourceKind
from gateway.ports.record import Record, RecordUnavailableError
from gateway.services import acknowledge, sources, tenants
from gateway.services.intake import Alert, accept
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.records import add_due_call

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class LookedUp:
    """A phone that is asked what became of legs, and nothing else."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        self.asked.extend(call_ids)


class Desk:
    """An auditor, and the means to play everybody around it."""

    def __init__(self, record: Record) -> None:
        self.record, self.config = record, Config()
        self.at = NOW
        self.agenda, self.phone = Agenda(), LookedUp()
        self.told: list[object] = []
        self.results: list[AuditResult] = []
        license_ = tenants.add_license(record, self.config, name="Acme", tier="pro", at=NOW)
        self.license_id = license_.id
        self.contact_id = tenants.add_contact(record, license_id=license_.id, name="Ana", phone="+15550123").id
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        self.token = sources.add_source(
            record, self.tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=NOW
        ).token
        self.pool = ActorPool(threads=1)
        self.actor = AuditorActor(
            pool=self.pool,
            record=record,
            clock=self,
            phone=self.phone,  # type: ignore[arg-type] # only its one method is used
            agenda=self.agenda,
            dispatcher=self.told.append,
            on_result=self.results.append,
        )

    def now(self) -> datetime:
        return self.at

    def event(self, title: str = "Alert") -> int:
        accepted = accept(
            self.record, config=self.config, token_hash=self.tokens.hash(self.token), alert=Alert(title=title), now=NOW
        )
        assert accepted.event_id is not None
        return accepted.event_id

    def call_due(self, event_id: int) -> int:
        attempt = add_due_call(self.record, event_id, self.contact_id, at=NOW)
        return attempt.id

    def leg(self, attempt_id: int, *, began_at: datetime) -> str:
        call = Call(
            id="a" * 32,
            license_id=self.license_id,
            contact_id=self.contact_id,
            provider="asterisk",
            node="pbx1",
            trunk="carrier",
            to_number="+15550123",
            started_at=began_at,
        )
        with self.record.write() as work:
            work.calls.add(call)
            work.calls.tie(call.id, [attempt_id])
            work.commit()
        return call.id

    def audit(self, *, events: Collection[int] = (), contacts: Collection[int] = ()) -> AuditResult:
        """Audit while these events and contacts have actors, and forget what was told before."""
        self.told.clear()
        self.actor.on_receive(Audit())
        assert self.told == [SayWhoLives()]
        self.told.clear()
        self.actor.on_receive(WhoLives(frozenset(events), frozenset(contacts)))
        self.at += 30 * SECOND
        return self.results[-1]

    def faults(self, event_id: int) -> list[object]:
        with self.record.read() as work:
            entries = work.timeline.of_event(event_id)
        return [entry.detail["what"] for entry in entries if entry.type.value == "engine_fault"]


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    record = open_record(sqlite_url)
    desk = Desk(record)
    yield desk
    desk.pool.stop(5)
    record.close()


def test_all_well_is_no_news(desk: Desk) -> None:
    event_id = desk.event()
    for _ in range(3):
        desk.agenda.note(event_id, desk.at + 10 * SECOND)
        result = desk.audit(events=[event_id])
        assert desk.told == []
        assert result.well
        assert (result.open_events, result.repaired) == (1, 0)
    assert str(result).startswith("ok")
    assert desk.faults(event_id) == []


def test_an_event_without_an_actor_gets_one_at_the_second_look(desk: Desk) -> None:
    event_id = desk.event()
    assert desk.audit().repaired == 0
    assert desk.told == [], "it may have been about to be started"
    assert desk.audit().repaired == 1
    assert desk.told == [EventChanged(event_id)]
    assert desk.faults(event_id) == ["auditor: no actor minded the event"]


def test_an_event_that_ends_between_two_looks_is_left_alone(desk: Desk) -> None:
    event_id = desk.event()
    desk.audit()
    desk.told.clear()
    desk.actor.on_receive(Audit())
    acknowledge.resolve(desk.record, event_id=event_id, at=NOW, by="source")
    desk.actor.on_receive(WhoLives(frozenset(), frozenset()))
    assert desk.told == [SayWhoLives()]
    assert desk.faults(event_id) == []


def test_a_step_that_is_not_made_is_asked_for(desk: Desk) -> None:
    event_id = desk.event()
    desk.agenda.note(event_id, NOW - 60 * SECOND)
    desk.audit(events=[event_id])
    assert desk.told == []
    desk.audit(events=[event_id])
    assert desk.told == [EventChanged(event_id)]


def test_a_step_that_is_late_and_then_made_is_no_fault(desk: Desk) -> None:
    event_id = desk.event()
    for _ in range(3):
        desk.agenda.note(event_id, desk.at - 10 * SECOND)
        desk.audit(events=[event_id])
        assert desk.told == []


def test_waiting_for_a_report_is_right_only_while_a_call_is_due(desk: Desk) -> None:
    event_id, idle = desk.event("One"), desk.event("Two")
    desk.call_due(event_id)
    for waiting in (event_id, idle):
        desk.agenda.note(waiting, None)
    desk.audit(events=[event_id, idle], contacts=[desk.contact_id])
    desk.audit(events=[event_id, idle], contacts=[desk.contact_id])
    assert EventChanged(idle) in desk.told
    assert EventChanged(event_id) not in desk.told


def test_a_call_that_is_due_for_a_person_without_an_actor_has_it_started(desk: Desk) -> None:
    event_id = desk.event()
    desk.call_due(event_id)
    desk.agenda.note(event_id, None)
    desk.audit(events=[event_id])
    desk.audit(events=[event_id])
    assert desk.told == [StartAgain(contact_id=desk.contact_id)]
    assert desk.faults(event_id) == ["auditor: no actor minded the contact of a call that was due"]


def test_a_call_that_its_contacts_actor_does_not_know_is_asked_for_again(desk: Desk) -> None:
    event_id = desk.event()
    attempt_id = desk.call_due(event_id)
    desk.agenda.note(event_id, None)
    desk.audit(events=[event_id], contacts=[desk.contact_id])
    assert desk.told == []
    desk.audit(events=[event_id], contacts=[desk.contact_id])
    assert desk.told == [CheckCalls(desk.contact_id, (attempt_id,))]
    desk.actor.on_receive(CallsUnknown(desk.contact_id, (attempt_id,)))
    assert desk.told[-1] == PlaceCall(desk.contact_id, event_id, attempt_id)
    assert desk.audit(events=[event_id], contacts=[desk.contact_id]).repaired == 1, "told with the next result"


def test_an_unknown_call_with_a_leg_on_record_is_looked_up_and_not_dialled_again(desk: Desk) -> None:
    attempt_id = desk.call_due(desk.event())
    call_id = desk.leg(attempt_id, began_at=NOW)
    desk.actor.on_receive(CallsUnknown(desk.contact_id, (attempt_id,)))
    assert desk.told == []
    assert desk.phone.asked == [call_id]


def test_a_leg_longer_than_any_call_is_missed_and_its_end_asked_for(desk: Desk) -> None:
    event_id = desk.event()
    attempt_id = desk.call_due(event_id)
    call_id = desk.leg(attempt_id, began_at=NOW - LONGEST_CALL - SECOND)
    desk.agenda.note(event_id, None)
    result = desk.audit(events=[event_id], contacts=[desk.contact_id])
    assert desk.told == [CallOverdue(desk.contact_id, call_id), EventChanged(event_id)]
    assert desk.phone.asked == [call_id]
    assert (result.repaired, result.well) == (1, True)
    with desk.record.read() as work:
        attempt = work.attempts.get(attempt_id)
    assert attempt is not None
    assert attempt.state is AttemptState.MISSED
    desk.audit(events=[event_id], contacts=[desk.contact_id])
    assert desk.phone.asked == [call_id] * 2, "its end is asked for until it is known"
    assert len(desk.faults(event_id)) == 1


def test_what_no_repair_heals_is_told_once_on_the_timeline_and_in_every_result(desk: Desk) -> None:
    event_id = desk.event()
    results = [desk.audit() for _ in range(5)]
    assert [result.unhealed for result in results] == [0, 0, 1, 1, 1]
    assert not results[-1].well
    assert "no repair heals" in str(results[-1])
    assert len(desk.faults(event_id)) == 1
    desk.agenda.note(event_id, desk.at + 10 * SECOND)
    assert desk.audit(events=[event_id]).well


def test_a_dispatcher_that_does_not_answer_is_trouble(desk: Desk) -> None:
    desk.actor.on_receive(Audit())
    desk.actor.on_receive(Audit())
    assert desk.results == [], "it may be busy"
    desk.actor.on_receive(Audit())
    assert desk.results[-1].trouble is not None
    assert "dispatcher" in desk.results[-1].trouble
    desk.actor.on_receive(WhoLives(frozenset(), frozenset()))
    assert desk.results[-1].well, "late is better than never"


def test_without_a_database_there_is_no_audit_and_the_auditor_lives_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:

        def unavailable() -> None:
            raise RecordUnavailableError("away")

        away.setattr(desk.record, "read", unavailable)
        desk.actor.on_receive(Audit())
        assert desk.results[-1].trouble == "the database is away: away"
    assert desk.audit().well
