"""Recording the due steps of many events in one transaction, on a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus, Severity
from gateway.model.timeline import TimelineType
from gateway.model.urgency import Urgency
from gateway.ports.record import EscalationRecord, Record
from gateway.services import acknowledge
from gateway.services.advance import Advanced, advance, survey
from gateway.services.evidence import verify
from gateway.store import open_record
from tests.records import NOW, add_event, add_tenant

SECOND = timedelta(seconds=1)


class Desk:
    """A record with two tenants, and looks at their events."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.tenants = [add_tenant(record, "Harbour Parking"), add_tenant(record, "Airport")]
        self.refusals: dict[Level, str] = {}
        self.at = NOW

    def event(self, key: str, *, of: int = 0, severity: Severity = Severity.WARN) -> int:
        return add_event(self.record, replace(self.tenants[of].new_event(key), severity=severity))

    def look(self, *event_ids: int) -> dict[int, Advanced]:
        found = advance(
            self.record, {event_id: {} for event_id in event_ids}, refusal=self._refuse, now=lambda: self.at
        )
        return {advanced.event_id: advanced for advanced in found}

    def types(self, event_id: int) -> list[TimelineType]:
        with self.record.read() as work:
            return [entry.type for entry in work.timeline.of_event(event_id)]

    def _refuse(self, level: Level, window_open: bool, escalation: EscalationRecord) -> str | None:
        return self.refusals.get(level)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    record = open_record(database_url)
    yield Desk(record)
    record.close()


def test_what_is_due_for_many_events_is_recorded_together_each_with_its_own_link(desk: Desk) -> None:
    event_ids = [desk.event(f"plate-{number}", of=number % 2) for number in range(40)]
    looked = desk.look(*event_ids)
    assert list(looked) == event_ids
    links = set()
    for event_id, advanced in looked.items():
        (begun,) = advanced.begun
        assert (begun.attempt.event_id, begun.attempt.level, begun.attempt.number) == (event_id, Level.TEXT, 1)
        assert begun.attempt.state is AttemptState.PENDING
        links.add(begun.link_id)
        with desk.record.read() as work:
            assert work.attempts.get(begun.attempt.id) == begun.attempt
            assert begun.link_id is not None
            link = work.acknowledgements.link(begun.link_id)
        assert link is not None
        assert (link.event_id, link.contact_id) == (event_id, begun.attempt.contact_id)
        assert advanced.next_at == begun.attempt.deadline_at
        assert desk.types(event_id) == [TimelineType.ATTEMPT_STARTED]
    assert len(links) == len(event_ids)
    for tenant in desk.tenants:
        assert verify(desk.record, tenant.license.id).holds


def test_a_second_look_finds_nothing_to_do(desk: Desk) -> None:
    event_id = desk.event("a")
    desk.look(event_id)
    assert not desk.look(event_id)[event_id].begun
    assert desk.types(event_id) == [TimelineType.ATTEMPT_STARTED]


def test_levels_that_cannot_work_are_passed_over_down_to_the_one_that_can(desk: Desk) -> None:
    desk.refusals = {Level.TEXT: "channel_off", Level.VOICE_NOTE: "window_closed"}
    event_id = desk.event("a")
    advanced = desk.look(event_id)[event_id]
    assert advanced.escalation is not None
    history = advanced.escalation.history
    assert [(a.level, a.state, a.reason) for a in history] == [
        (Level.TEXT, AttemptState.SKIPPED, "channel_off"),
        (Level.VOICE_NOTE, AttemptState.SKIPPED, "window_closed"),
        (Level.CALL, AttemptState.PENDING, None),
    ]
    assert not advanced.begun, "a call is placed by the contact's actor"
    assert advanced.next_at is None
    with desk.record.read() as work:
        assert tuple(work.attempts.of_event(event_id)) == history


def test_an_event_with_nobody_to_reach_ends_in_one_look(desk: Desk) -> None:
    desk.refusals = dict.fromkeys(Level, "channel_off")
    event_id = desk.event("a")
    advanced = desk.look(event_id)[event_id]
    assert advanced.exhausted
    assert advanced.over
    assert desk.types(event_id)[-1] is TimelineType.EXHAUSTED
    with desk.record.read() as work:
        event = work.events.get(event_id)
        assert event is not None
        assert event.status is EventStatus.EXHAUSTED
        assert list(work.events.unfinished_ids()) == []


def test_a_result_that_does_not_come_is_given_up_and_the_ladder_goes_on(desk: Desk) -> None:
    desk.refusals = {Level.VOICE_NOTE: "window_closed"}
    event_id = desk.event("a")
    (begun,) = desk.look(event_id)[event_id].begun
    assert begun.attempt.deadline_at is not None
    desk.at = begun.attempt.deadline_at
    advanced = desk.look(event_id)[event_id]
    (given_up,) = advanced.given_up
    assert (given_up.id, given_up.state) == (begun.attempt.id, AttemptState.UNKNOWN)
    assert not advanced.begun
    assert desk.types(event_id)[1] is TimelineType.ATTEMPT_RESULT


def test_an_acknowledged_event_begins_nothing_and_tells_those_who_were_told(desk: Desk) -> None:
    one, other = desk.event("a"), desk.event("b")
    texts = {event_id: advanced.begun[0].attempt for event_id, advanced in desk.look(one, other).items()}
    with desk.record.write() as work:
        for attempt in texts.values():
            work.attempts.update(replace(attempt, state=AttemptState.SENT, ended_at=desk.at))
        work.commit()
    second = desk.tenants[0].contacts[1].id
    acknowledge.acknowledge(
        desk.record, event_ids=[one], contact_id=second, by=None, via=AcknowledgedVia.LINK, at=desk.at
    )
    desk.at += timedelta(hours=1)
    looked = desk.look(one, other)
    assert [begun.attempt.level for begun in looked[one].begun] == [Level.STAND_DOWN]
    assert Level.STAND_DOWN not in {begun.attempt.level for begun in looked[other].begun}


def test_an_event_that_never_escalated_is_over(desk: Desk) -> None:
    throttled = add_event(
        desk.record, replace(desk.tenants[0].new_event("t"), status=EventStatus.THROTTLED, snapshot=None)
    )
    looked = desk.look(throttled, 999_999)
    assert looked[throttled].over
    assert looked[999_999].over
    assert looked[throttled].escalation is None


def test_a_survey_tells_who_waits_and_how_urgent_the_rest_is_and_records_nothing(desk: Desk) -> None:
    waiting = desk.event("a")
    desk.look(waiting)
    due, grave = desk.event("b", severity=Severity.INFO), desk.event("c", severity=Severity.CRITICAL)
    surveyed = {each.event_id: each for each in survey(desk.record, [waiting, due, grave], desk.at + SECOND)}
    standing = surveyed[waiting].standing
    assert standing is not None
    assert standing.next_at is not None
    assert surveyed[due].standing is None
    assert surveyed[due].urgency == Urgency(2, NOW)
    assert surveyed[grave].urgency < surveyed[due].urgency
    assert desk.types(due) == []


def test_the_gravest_events_are_the_first_to_be_taken_up(desk: Desk) -> None:
    severities = (Severity.INFO, Severity.CRITICAL, Severity.WARN, Severity.CRITICAL)
    info, first, warn, second = (desk.event(f"e{n}", severity=each) for n, each in enumerate(severities))
    with desk.record.read() as work:
        assert list(work.events.unfinished_ids()) == [first, second, warn, info]


def test_steps_are_dated_under_the_lock_so_that_time_does_not_run_backwards(desk: Desk) -> None:
    asked: list[datetime] = []

    def now() -> datetime:
        with desk.record.read() as work:
            assert work.events.get(event_id) is not None
        asked.append(NOW + SECOND)
        return asked[-1]

    event_id = desk.event("a")
    (advanced,) = advance(desk.record, {event_id: {}}, refusal=lambda *_: None, now=now)
    assert advanced.begun[0].attempt.began_at == NOW + SECOND
    assert len(asked) == 1
