"""A running escalation follows its snapshot: what an edit has parted is not announced in one call."""

from collections.abc import Iterator

import pytest

from gateway.model.attempt import Attempt, AttemptState
from gateway.services import last_words, tenants
from gateway.store import open_record
from tests.contact_edits import set_language, set_number
from tests.integration.test_caps_on_record import PHONE, SECOND, Desk

NEW_PHONE = "+15550124"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    record = open_record(database_url)
    yield Desk(record)
    record.close()


def calls_of(desk: Desk, *attempts: Attempt) -> list[tuple[str, tuple[int, ...]]]:
    """Return the numbers that are called, one after the other, with what each call announces."""
    calls, left = [], {attempt.id: attempt for attempt in attempts}
    while left:
        prepared = desk.prepare(*left.values())
        assert prepared.order is not None
        assert {*prepared.attempt_ids, *prepared.left} == left.keys()
        calls.append((prepared.order.to_number, prepared.attempt_ids))
        desk.called(*(left.pop(attempt_id) for attempt_id in prepared.attempt_ids))
    return calls


def test_alerts_from_before_and_after_a_new_number_are_two_calls(desk: Desk) -> None:
    before = [desk.due(), desk.due()]
    set_number(desk.record, desk.licenses[0][0].id, NEW_PHONE)
    desk.at += SECOND
    after = desk.due()
    assert calls_of(desk, after, *before) == [(PHONE, tuple(a.id for a in before)), (NEW_PHONE, (after.id,))]


def test_alerts_from_before_and_after_a_new_operator_are_two_calls(desk: Desk) -> None:
    before = desk.due()
    change = tenants.LicenseChange(handoff_number="+15550998")
    tenants.set_license(desk.record, desk.config, desk.licenses[0][0].license_id, change)
    desk.at += SECOND
    after = desk.due()
    assert [announced for _, announced in calls_of(desk, before, after)] == [(before.id,), (after.id,)]


def test_the_phone_rings_as_long_as_the_longest_of_the_policies_says(desk: Desk) -> None:
    before = desk.due()
    change = tenants.LicenseChange(policy={"ring_timeout": "45s"})
    tenants.set_license(desk.record, desk.config, desk.licenses[0][0].license_id, change)
    prepared = desk.prepare(before, desk.due())
    assert prepared.order is not None
    assert prepared.order.ring_timeout == 45 * SECOND
    assert prepared.left == ()


def test_what_is_capped_before_an_edit_leaves_what_is_due_after_it(desk: Desk) -> None:
    for _ in range(2):
        desk.called(desk.due())
    before = desk.due()
    set_number(desk.record, desk.licenses[0][0].id, NEW_PHONE)
    desk.at += SECOND
    after = desk.due()
    prepared = desk.prepare(before, after)
    assert (prepared.attempt_ids, prepared.left) == ((), (after.id,))
    assert desk.result(before) == (AttemptState.SKIPPED, "call_cap_contact_minute")
    assert desk.result(after) == (AttemptState.PENDING, None)


def test_a_call_ends_in_the_language_that_it_began_in(desk: Desk) -> None:
    contact = desk.licenses[0][0]
    attempt = desk.due()
    prepared = desk.prepare(attempt)
    assert prepared.order is not None
    call_id = desk.called(attempt)
    set_language(desk.record, contact.id, "de")
    assert last_words.language_of(desk.record, call_id, contact.id) == prepared.order.language == "en"
    assert last_words.language_of(desk.record, "0" * 32, contact.id) == "de", "a call that nobody recorded"
