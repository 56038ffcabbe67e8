"""The caps on calls are exact: whoever begins calls at one moment, no more are dialled than they allow."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from gateway.model.attempt import Attempt, AttemptState
from gateway.model.caps import CallCaps
from gateway.ports.record import Record
from gateway.services import calls, tenants
from gateway.services.acknowledge import resolve
from gateway.services.quota import VoiceQuota
from gateway.store import open_record
from tests.integration.test_caps_on_record import PHONE, SECOND, Desk
from tests.integration.test_store_races import at_once

CAPS = CallCaps(per_number_3h=3)
TOO_MANY = (AttemptState.SKIPPED, "call_cap_number_3h")


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    record = open_record(database_url, pool_size=20)
    yield Desk(record)
    record.close()


def begin(desk: Desk, *attempts: Attempt, caps: CallCaps = CAPS, number: str = PHONE) -> bool:
    assert attempts[0].contact_id is not None
    return calls.begin_call(
        desk.record,
        call_id=uuid4().hex,
        contact_id=attempts[0].contact_id,
        attempt_ids=[attempt.id for attempt in attempts],
        provider="asterisk",
        node="pbx1",
        trunk="carrier",
        to_number=number,
        longest=60 * SECOND,
        quota=VoiceQuota(desk.config.tiers),
        call_caps=caps,
        at=desk.at,
    )


def legs_to(record: Record, number: str, desk: Desk) -> int:
    with record.read() as work:
        return len(work.calls.to_number(number, since=desk.at - timedelta(hours=3)))


def test_licenses_that_share_a_number_pass_its_cap_together_by_none(desk: Desk) -> None:
    due = [desk.due(of=0)] + [desk.due(of=desk.license()) for _ in range(9)]
    begun = at_once(10, lambda n: begin(desk, due[n]))
    assert begun.count(True) == 3
    assert legs_to(desk.record, PHONE, desk) == 3
    for attempt, began in zip(due, begun, strict=True):
        assert desk.result(attempt) == ((AttemptState.PENDING, None) if began else TOO_MANY)


def test_what_was_allowed_when_it_was_prepared_is_looked_at_again_when_it_begins(desk: Desk) -> None:
    contact, _ = desk.licenses[0]
    also_there = tenants.add_contact(desk.record, license_id=contact.license_id, name="Ben", phone=PHONE)
    caps = CallCaps(per_number_3h=1)
    first = desk.due()
    second = desk.due(event_id=first.event_id, of=0, contact_id=also_there.id)
    assert desk.prepare(first).order is not None
    assert desk.prepare(second).order is not None
    assert begin(desk, first, caps=caps)
    assert not begin(desk, second, caps=caps)
    assert desk.result(second) == TOO_MANY
    with desk.record.read() as work:
        last = work.timeline.of_event(second.event_id)[-1]
    assert last.contact_id == also_there.id
    assert last.detail == {"attempt_id": second.id, "result": "skipped", "reason": "call_cap_number_3h"}


def test_a_refused_call_takes_nothing_of_the_voice_minutes(desk: Desk) -> None:
    due = [desk.due(), desk.due()]
    assert [begin(desk, attempt, caps=CallCaps(per_contact_hour=1)) for attempt in due] == [True, False]
    assert desk.result(due[1]) == (AttemptState.SKIPPED, "call_cap_contact_hour")
    with desk.record.read() as work:
        assert work.quota.voice_seconds(desk.licenses[0][0].license_id, "2026-03").reserved == 60


def test_calls_to_many_numbers_begin_and_end_side_by_side(desk: Desk) -> None:
    licenses = [0] + [desk.license() for _ in range(7)]
    due = [desk.due(of=of) for of in licenses * 3]
    numbers = [PHONE, "+15550124"]

    def act(n: int) -> None:
        if n < 16:
            begin(desk, due[n], caps=CallCaps(per_number_3h=5), number=numbers[(n + n // 8) % 2])
        else:
            resolve(desk.record, event_id=due[n].event_id, at=desk.at, by="source")

    # Were two of them to wait for each other, the server or the gate would say so here.
    at_once(24, act)
    assert [legs_to(desk.record, number, desk) for number in numbers] == [5, 5]
