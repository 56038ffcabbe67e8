"""Events, signals and the timeline in both databases."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.call import MachinePolicy
from gateway.model.event import Event, EventStatus, ThrottleReason
from gateway.model.policy import Policy
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.heartbeats import LinesState, TrunkState
from gateway.ports.record import Heartbeat, NewEvent, Record, SignalKind
from gateway.store.json_text import dump_snapshot, load_snapshot
from tests.records import NOW, Tenant, a_snapshot, add_event, add_tenant

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def tenant(record: Record) -> Tenant:
    return add_tenant(record)


def closed(record: Record, event_id: int, status: EventStatus, *from_: EventStatus) -> bool:
    with record.write() as work:
        moved = work.events.close(event_id, status=status, at=NOW, from_statuses=from_ or {EventStatus.OPEN})
        work.commit()
    return moved


def get(record: Record, event_id: int) -> Event:
    with record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    return event


def test_an_event_comes_back_as_it_was_posted(record: Record, tenant: Tenant) -> None:
    new = tenant.new_event()
    event = get(record, add_event(record, new))
    assert (event.title, event.body, event.payload) == (new.title, new.body, new.payload)
    assert (event.license_id, event.source_id, event.dedup_key) == (tenant.license.id, tenant.source.id, "plate-1234")
    assert (event.status, event.severity, event.repeat_count) == (EventStatus.OPEN, new.severity, 0)
    assert event.created_at == NOW
    assert event.created_at.utcoffset() == timedelta()
    assert (event.closed_at, event.acknowledged_at, event.throttle_reason) == (None, None, None)


def test_an_unknown_event_is_none(record: Record) -> None:
    with record.read() as work:
        assert work.events.get(1) is None
        assert work.events.escalation(1) is None


def test_an_escalation_has_snapshot_and_attempts_in_their_order(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        attempts = tuple(work.attempts.add(tenant.attempt(event_id, contact=contact)) for contact in (1, 0))
        work.attempts.add(tenant.attempt(work.events.add(tenant.new_event("other"))))
        work.commit()
    with record.read() as work:
        escalation = work.events.escalation(event_id)
    assert escalation is not None
    assert escalation.event.id == event_id
    assert escalation.snapshot == a_snapshot(*tenant.contacts)
    assert escalation.history == attempts


def test_a_throttled_event_has_no_escalation_and_nothing_left_to_do(record: Record, tenant: Tenant) -> None:
    throttled = replace(
        tenant.new_event(),
        status=EventStatus.THROTTLED,
        snapshot=None,
        throttle_reason=ThrottleReason.RATE_LIMIT,
    )
    event_id = add_event(record, throttled)
    assert get(record, event_id).throttle_reason is ThrottleReason.RATE_LIMIT
    with record.read() as work:
        assert work.events.escalation(event_id) is None
        assert list(work.events.unfinished_ids()) == []
        assert list(work.events.open_ids()) == []


def test_a_snapshot_of_another_version_is_read_with_defaults(tenant: Tenant) -> None:
    text = dump_snapshot(a_snapshot(*tenant.contacts))
    text = text.replace('"call_attempts":3', '"from_the_future":3')
    assert load_snapshot(text).policy.call_attempts == Policy().call_attempts


@pytest.mark.parametrize("policy", MachinePolicy)
def test_what_to_do_about_machines_is_kept_and_is_ignore_for_older_snapshots(policy: MachinePolicy) -> None:
    snapshot = a_snapshot()
    text = dump_snapshot(replace(snapshot, policy=replace(snapshot.policy, answering_machine=policy)))
    assert load_snapshot(text).policy.answering_machine is policy
    older = text.replace(f',"answering_machine":"{policy}"', "")
    assert older != text
    assert load_snapshot(older).policy.answering_machine is MachinePolicy.IGNORE


def test_a_duplicate_is_the_newest_of_source_and_key_in_the_window(record: Record, tenant: Tenant) -> None:
    add_event(record, tenant.new_event(created_at=NOW - timedelta(minutes=9)))
    newest = add_event(record, tenant.new_event(created_at=NOW))
    add_event(record, tenant.new_event("other key", created_at=NOW + MICROSECOND))
    add_event(record, add_tenant(record, "Other").new_event(created_at=NOW + MICROSECOND))
    with record.read() as work:
        found = work.events.find_duplicate(tenant.source.id, "plate-1234", NOW)
        assert found is not None
        assert found.id == newest
        assert work.events.find_duplicate(tenant.source.id, "plate-1234", NOW + MICROSECOND) is None


def test_a_window_in_another_time_zone_is_the_same_window(record: Record, tenant: Tenant) -> None:
    add_event(record, tenant.new_event())
    since = NOW.astimezone(timezone(timedelta(hours=-7)))
    with record.read() as work:
        assert work.events.find_duplicate(tenant.source.id, "plate-1234", since) is not None
        assert work.events.find_duplicate(tenant.source.id, "plate-1234", since + MICROSECOND) is None


def test_an_acknowledged_event_is_a_duplicate_and_a_resolved_one_is_none(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    assert closed(record, event_id, EventStatus.ACKNOWLEDGED)
    with record.read() as work:
        assert work.events.find_duplicate(tenant.source.id, "plate-1234", NOW) is not None
        assert work.events.find_open(tenant.source.id, "plate-1234") is None
    assert closed(record, event_id, EventStatus.RESOLVED, EventStatus.ACKNOWLEDGED)
    with record.read() as work:
        assert work.events.find_duplicate(tenant.source.id, "plate-1234", NOW) is None


def test_the_newest_open_event_of_a_key_is_found(record: Record, tenant: Tenant) -> None:
    # The second came after the deduplication window: both may be open.
    add_event(record, tenant.new_event(created_at=NOW - timedelta(minutes=9)))
    newest = add_event(record, tenant.new_event())
    with record.read() as work:
        found = work.events.find_open(tenant.source.id, "plate-1234")
    assert found is not None
    assert found.id == newest


def test_locking_an_event_tells_where_it_stands(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        assert work.events.lock(event_id) is EventStatus.OPEN
        assert work.events.lock(event_id + 1) is None


def test_repeats_are_counted(record: Record, tenant: Tenant) -> None:
    event_id, other = add_event(record, tenant.new_event()), add_event(record, tenant.new_event("other"))
    with record.write() as work:
        work.events.count_repeat(event_id)
        work.events.count_repeat(event_id)
        work.commit()
    assert get(record, event_id).repeat_count == 2
    assert get(record, other).repeat_count == 0


def test_throttled_events_do_not_count_as_accepted(record: Record, tenant: Tenant) -> None:
    def new(seconds: int) -> NewEvent:
        return tenant.new_event(str(seconds), created_at=NOW + timedelta(seconds=seconds))

    resolved = add_event(record, new(0))
    closed(record, resolved, EventStatus.RESOLVED)
    add_event(record, new(1))
    add_event(record, replace(new(2), status=EventStatus.THROTTLED, throttle_reason=ThrottleReason.MONTHLY_CAP))
    add_event(record, add_tenant(record, "Other").new_event(created_at=NOW + timedelta(seconds=1)))
    with record.read() as work:
        assert work.events.count_accepted(tenant.license.id, NOW) == 2
        assert work.events.count_accepted(tenant.license.id, NOW + MICROSECOND) == 1
        assert work.events.count_accepted(tenant.license.id, NOW + timedelta(seconds=2)) == 0


def test_the_first_to_close_an_event_is_told_so(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        assert work.events.close(
            event_id,
            status=EventStatus.ACKNOWLEDGED,
            at=NOW + MICROSECOND,
            from_statuses={EventStatus.OPEN, EventStatus.EXHAUSTED},
            by="Ana",
            via=AcknowledgedVia.DTMF,
        )
        work.commit()
    assert not closed(record, event_id, EventStatus.RESOLVED)
    assert not closed(record, event_id + 1, EventStatus.RESOLVED)
    event = get(record, event_id)
    assert (event.status, event.closed_at) == (EventStatus.ACKNOWLEDGED, NOW + MICROSECOND)
    assert (event.acknowledged_by, event.acknowledged_via) == ("Ana", "dtmf")
    assert event.acknowledged_at == NOW + MICROSECOND


def test_a_resolved_event_was_not_acknowledged(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    closed(record, event_id, EventStatus.RESOLVED)
    event = get(record, event_id)
    assert (event.status, event.closed_at) == (EventStatus.RESOLVED, NOW)
    assert (event.acknowledged_at, event.acknowledged_by, event.acknowledged_via) == (None, None, None)


def test_a_closed_event_is_unfinished_until_it_is_finished(record: Record, tenant: Tenant) -> None:
    first, second = add_event(record, tenant.new_event("1")), add_event(record, tenant.new_event("2"))
    closed(record, first, EventStatus.ACKNOWLEDGED)
    with record.read() as work:
        assert list(work.events.open_ids()) == [second]
        assert list(work.events.unfinished_ids()) == [first, second]
    with record.write() as work:
        work.events.finish([first, second], NOW)
        work.commit()
    with record.read() as work:
        assert list(work.events.unfinished_ids()) == [second]


def test_an_exhausted_event_that_is_acknowledged_has_something_left_to_do(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    closed(record, event_id, EventStatus.EXHAUSTED)
    with record.write() as work:
        work.events.finish([event_id], NOW)
        work.commit()
    assert closed(record, event_id, EventStatus.ACKNOWLEDGED, EventStatus.OPEN, EventStatus.EXHAUSTED)
    with record.read() as work:
        assert list(work.events.unfinished_ids()) == [event_id]
        assert list(work.events.open_ids()) == []


def test_events_are_listed_newest_first_with_filters(record: Record, tenant: Tenant) -> None:
    other = add_tenant(record, "Other")
    ids = [add_event(record, tenant.new_event(str(n))) for n in range(3)]
    theirs = add_event(record, other.new_event())
    closed(record, ids[1], EventStatus.RESOLVED)

    def listed(status: EventStatus | None, license_id: int | None, limit: int = 10) -> list[int]:
        with record.read() as work:
            return [event.id for event in work.events.list(status=status, license_id=license_id, limit=limit)]

    assert listed(None, None) == [theirs, *reversed(ids)]
    assert listed(None, None, limit=2) == [theirs, ids[2]]
    assert listed(None, tenant.license.id) == [*reversed(ids)]
    assert listed(EventStatus.OPEN, tenant.license.id) == [ids[2], ids[0]]
    assert listed(EventStatus.RESOLVED, None) == [ids[1]]


def test_the_timeline_comes_back_in_its_order(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    entries = [
        TimelineEntry(
            event_id=event_id,
            at=NOW - timedelta(seconds=number),  # A clock that was set back does not reorder what happened.
            type=kind,
            contact_id=contact_id,
            channel=channel,
            detail={"reason": "señal \x00 \ud800", "n": number, "list": [1, None, True]},
        )
        for number, (kind, contact_id, channel) in enumerate(
            [
                (TimelineType.ACCEPTED, None, None),
                (TimelineType.ATTEMPT_STARTED, tenant.contacts[0].id, "whatsapp_text"),
            ]
        )
    ]
    with record.write() as work:
        for entry in entries:
            work.timeline.append(entry)
        work.commit()
    with record.read() as work:
        stored = work.timeline.of_event(event_id)
    assert [replace(entry, id=0) for entry in stored] == entries
    assert stored[0].id < stored[1].id


def test_a_signal_is_pending_until_it_is_removed(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        for kind in (SignalKind.EVENT_OPENED, SignalKind.EVENT_CHANGED, SignalKind.EVENT_CHANGED):
            work.signals.add(kind, event_id)
        work.commit()
    with record.read() as work:
        pending = work.signals.pending(2)
    assert [signal.kind for signal in pending] == [SignalKind.EVENT_OPENED, SignalKind.EVENT_CHANGED]
    assert {signal.event_id for signal in pending} == {event_id}
    with record.write() as work:
        work.signals.remove([signal.id for signal in pending])
        work.signals.remove([])
        work.commit()
    with record.read() as work:
        (last,) = work.signals.pending(10)
    assert last.id > pending[-1].id


def test_an_engines_newest_word_takes_the_place_of_its_last(record: Record) -> None:
    first = Heartbeat(engine="a", at=NOW, parts={"asterisk pbx1": "ok"})
    newer = Heartbeat(engine="a", at=NOW + timedelta(seconds=2), parts={"asterisk pbx1": "no answer"})
    other = Heartbeat(engine="b", at=NOW, parts={})
    with record.write() as work:
        for heartbeat in (other, first, newer):
            work.heartbeats.beat(heartbeat)
        work.commit()
    with record.read() as work:
        assert list(work.heartbeats.latest()) == [newer, other]


def test_what_an_engine_says_of_its_lines_is_read_as_it_was_said(record: Record) -> None:
    trunks = (
        TrunkState(trunk="carrier-a", in_use=3, max_calls=30, breaker="open", again_at=NOW, demoted=True),
        TrunkState(trunk="twilio", in_reach=False, reachable=False, registered=False, last_resort=True),
    )
    said = [
        Heartbeat(engine="a", at=NOW, parts={"auditor": "ok"}, lines=LinesState(waiting=2, trunks=trunks)),
        Heartbeat(engine="b", at=NOW, parts={"auditor": "ok"}, lines=LinesState()),
    ]
    with record.write() as work:
        for heartbeat in said:
            work.heartbeats.beat(heartbeat)
        work.commit()
    with record.read() as work:
        assert list(work.heartbeats.latest()) == said


def test_the_id_of_a_removed_signal_is_never_given_again(record: Record, tenant: Tenant) -> None:
    event_id = add_event(record, tenant.new_event())
    seen = set()
    for _ in range(3):
        with record.write() as work:
            work.signals.add(SignalKind.EVENT_CHANGED, event_id)
            (signal,) = work.signals.pending(10)
            work.signals.remove([signal.id])
            work.commit()
        seen.add(signal.id)
    assert len(seen) == 3
