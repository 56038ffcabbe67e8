"""PINs, machines and the operator, as a contact's actor is told of them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.license import SourceKind
from gateway.ports.phone import KeyPressed, MachineDetected, OperatorReported, OperatorState
from gateway.services import call_queries, sources, tenants
from gateway.store import open_record
from tests.unit.actors.contact_desk import NOW, Desk

PIN, WRONG = "4711", "1174"


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    record = open_record(sqlite_url)
    desk = Desk(record, Config())
    # The contact whom alerts reach first, with a license of their own.
    license_ = tenants.add_license(record, desk.config, name="Bond", tier="pro", at=NOW, handoff_number="+15550999")
    desk.contact = tenants.add_contact(record, license_id=license_.id, name="Eva", phone="+15550124", pin=PIN)
    desk.token = sources.add_source(
        record, desk.tokens, license_id=license_.id, kind=SourceKind.WEBHOOK, name="s", at=NOW
    ).token
    desk.actor = desk.new_actor()
    yield desk
    desk.pool.stop(5)
    record.close()


def test_a_wrong_pin_is_refused_and_the_third_for_good(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    for number in (1, 2, 3):
        desk.report(KeyPressed(call_id, "1", number, NOW, WRONG))
    assert desk.phone.refused == [(call_id, True), (call_id, True), (call_id, False)]
    assert desk.booth.confirmed == []
    desk.end(call_id, CallOutcome.NO_KEY)
    assert desk.state(attempt_id) is AttemptState.MISSED


def test_a_right_pin_is_confirmed(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "1", 1, NOW, PIN))
    assert desk.phone.refused == []
    assert len(desk.booth.confirmed) == 1
    assert desk.state(attempt_id) is AttemptState.ACKNOWLEDGED


def test_a_pin_that_was_set_in_mid_call_is_asked_for(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "1", 1, NOW))
    assert desk.phone.refused == [(call_id, True)]
    assert desk.state(attempt_id) is AttemptState.PENDING


def test_what_became_of_the_operator_and_a_machine_is_put_on_the_timeline(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    for state, talked in ((OperatorState.CONNECTED, 0), (OperatorState.ENDED, 5)):
        desk.report(OperatorReported(call_id, state, NOW, "carrier-a", timedelta(seconds=talked)))
    desk.report(MachineDetected(call_id, NOW, "MAXWORDS"))
    with desk.record.read() as work:
        kinds = [entry.type.value for entry in work.timeline.of_event(event_id)]
    assert kinds.count("operator_reported") == 2
    assert kinds.count("machine_detected") == 1
    assert call_queries.find(desk.record, call_id) is not None
