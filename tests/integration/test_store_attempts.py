"""Attempts, calls and acknowledgements in both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.ports.record import Record
from tests.records import NOW, Tenant, add_event, add_tenant


@pytest.fixture
def tenant(record: Record) -> Tenant:
    return add_tenant(record)


@pytest.fixture
def event_id(record: Record, tenant: Tenant) -> int:
    return add_event(record, tenant.new_event())


def test_an_attempt_comes_back_as_it_was_stored(record: Record, tenant: Tenant, event_id: int) -> None:
    new = tenant.attempt(event_id)
    to_owner = replace(new, contact_id=None, level=Level.OWNER, deadline_at=None, number=2)
    with record.write() as work:
        stored, told = work.attempts.add(new), work.attempts.add(to_owner)
        work.commit()
    assert stored == replace(new, id=stored.id)
    with record.read() as work:
        assert work.attempts.get(stored.id) == stored
        assert list(work.attempts.of_event(event_id)) == [stored, replace(to_owner, id=told.id)]
        assert work.attempts.get(told.id + 1) is None


def test_an_attempts_result_is_recorded(record: Record, tenant: Tenant, event_id: int) -> None:
    with record.write() as work:
        stored, other = work.attempts.add(tenant.attempt(event_id)), work.attempts.add(tenant.attempt(event_id))
        done = replace(stored, state=AttemptState.FAILED, ended_at=NOW + timedelta(seconds=1), reason="63016")
        work.attempts.update(done)
        work.commit()
    with record.read() as work:
        assert list(work.attempts.of_event(event_id)) == [done, other]


def test_an_attempt_is_found_by_the_providers_id(record: Record, tenant: Tenant, event_id: int) -> None:
    with record.write() as work:
        stored = work.attempts.add(tenant.attempt(event_id))
        work.attempts.set_provider_id(stored.id, "twilio", "SM1")
        work.commit()
    with record.read() as work:
        assert work.attempts.by_provider_id("twilio", "SM1") == stored
        assert work.attempts.by_provider_id("telegram", "SM1") is None
        assert work.attempts.by_provider_id("twilio", "SM2") is None


def test_pending_calls_are_the_contacts_own_by_phone(record: Record, tenant: Tenant, event_id: int) -> None:
    with record.write() as work:
        other_event = work.events.add(tenant.new_event("other"))
        first = work.attempts.add(tenant.attempt(event_id, Level.CALL))
        second = work.attempts.add(tenant.attempt(other_event, Level.CALL))
        work.attempts.add(tenant.attempt(event_id, Level.TEXT))
        work.attempts.add(tenant.attempt(event_id, Level.CALL, contact=1))
        work.attempts.add(replace(tenant.attempt(event_id, Level.CALL), state=AttemptState.MISSED))
        work.commit()
    with record.read() as work:
        assert list(work.attempts.pending_calls(tenant.contacts[0].id)) == [first, second]


def test_unfinished_calls_of_one_contact_are_found(record: Record, tenant: Tenant) -> None:
    mine, theirs = tenant.call(), replace(tenant.call(), contact_id=tenant.contacts[1].id)
    with record.write() as work:
        work.calls.add(mine)
        work.calls.add(theirs)
        work.commit()
    with record.read() as work:
        assert list(work.calls.unfinished()) == [mine, theirs]
        assert list(work.calls.unfinished(contact_id=tenant.contacts[1].id)) == [theirs]


def test_a_call_comes_back_as_it_was_stored_and_updated(record: Record, tenant: Tenant) -> None:
    call = tenant.call()
    ended = replace(
        call,
        answered_at=NOW + timedelta(seconds=3),
        ended_at=NOW + timedelta(seconds=9),
        sip_cause=200,
        hangup_cause=16,
        digits="7#1",
        outcome=CallOutcome.ACKNOWLEDGED,
        billed_seconds=6,
    )
    with record.write() as work:
        work.calls.add(call)
        work.commit()
    with record.read() as work:
        assert work.calls.get(call.id) == call
        assert list(work.calls.unfinished()) == [call]
        assert work.calls.get("0" * 32) is None
    with record.write() as work:
        work.calls.update(ended)
        work.commit()
    with record.read() as work:
        assert work.calls.get(call.id) == ended
        assert list(work.calls.unfinished()) == []


def test_one_call_makes_several_attempts(record: Record, tenant: Tenant, event_id: int) -> None:
    call = tenant.call()
    with record.write() as work:
        other_event = work.events.add(tenant.new_event("other"))
        attempts = [work.attempts.add(tenant.attempt(event, Level.CALL)) for event in (event_id, other_event)]
        work.calls.add(call)
        work.calls.tie(call.id, [attempt.id for attempt in attempts])
        work.calls.tie(call.id, [attempts[0].id])
        work.calls.tie(call.id, [])
        work.commit()
    with record.read() as work:
        assert list(work.attempts.of_call(call.id)) == [replace(a, call_id=call.id) for a in attempts]
        assert list(work.calls.of_event(event_id)) == [call]
        assert list(work.calls.of_event(other_event)) == [call]


def test_one_attempt_has_several_legs_in_the_order_of_their_recording(
    record: Record, tenant: Tenant, event_id: int
) -> None:
    # The ids descend and the clock stands still: neither tells the order.
    legs = [replace(tenant.call(), id=letter * 32) for letter in "fedcba"]
    with record.write() as work:
        attempt = work.attempts.add(tenant.attempt(event_id, Level.CALL))
        for leg in legs:
            work.calls.add(leg)
            work.calls.tie(leg.id, [attempt.id])
        work.commit()
    with record.read() as work:
        assert list(work.calls.legs_of_attempt(attempt.id)) == legs
        assert list(work.calls.of_event(event_id)) == legs
        assert list(work.calls.unfinished()) == legs
        latest = work.attempts.get(attempt.id)
    assert latest is not None
    assert latest.call_id == legs[-1].id


def test_an_attempt_may_name_its_call_before_the_call_is_stored(record: Record, tenant: Tenant, event_id: int) -> None:
    call = tenant.call()
    with record.write() as work:
        attempt = work.attempts.add(replace(tenant.attempt(event_id, Level.CALL), call_id=call.id))
        work.calls.add(call)
        work.commit()
    with record.read() as work:
        assert work.attempts.get(attempt.id) == attempt


def test_the_first_acknowledgement_and_each_contacts_own_are_found(
    record: Record, tenant: Tenant, event_id: int
) -> None:
    def acknowledgement(contact: int | None, *, first: bool) -> Acknowledgement:
        return Acknowledgement(
            event_id=event_id,
            contact_id=None if contact is None else tenant.contacts[contact].id,
            by="Ana" if contact is not None else "admin@example.com",
            via=AcknowledgedVia.LINK if contact is not None else AcknowledgedVia.ADMIN,
            at=NOW,
            first=first,
        )

    with record.read() as work:
        assert work.acknowledgements.first_of(event_id) is None
    given = [acknowledgement(1, first=True), acknowledgement(0, first=False), acknowledgement(None, first=False)]
    with record.write() as work:
        for each in given:
            work.acknowledgements.add(each)
        work.commit()
    with record.read() as work:
        assert work.acknowledgements.first_of(event_id) == given[0]
        assert work.acknowledgements.of_contact(event_id, tenant.contacts[0].id) == given[1]
        assert work.acknowledgements.of_contact(event_id + 1, tenant.contacts[0].id) is None


def test_a_link_is_made_once_for_each_event_and_contact(record: Record, tenant: Tenant, event_id: int) -> None:
    one, other = (contact.id for contact in tenant.contacts)
    with record.write() as work:
        link = work.acknowledgements.add_link(event_id, one, NOW)
        assert work.acknowledgements.add_link(event_id, one, NOW + timedelta(days=1)) == link
        assert work.acknowledgements.add_link(event_id, other, NOW).id != link.id
        work.commit()
    assert (link.event_id, link.contact_id, link.expires_at, link.revoked_at) == (event_id, one, NOW, None)
    with record.read() as work:
        assert work.acknowledgements.link(link.id) == link
        assert work.acknowledgements.link(link.id + 100) is None


def test_the_owner_has_one_link_for_each_event(record: Record, tenant: Tenant, event_id: int) -> None:
    with record.write() as work:
        link = work.acknowledgements.add_link(event_id, None, NOW)
        assert work.acknowledgements.add_link(event_id, None, NOW) == link
        other = work.events.add(tenant.new_event("other"))
        assert work.acknowledgements.add_link(other, None, NOW).id != link.id
        work.commit()
    assert link.contact_id is None
