"""ContactActor, when the keys of its call come in at the web, as those of calls through Twilio do."""

from actors.calling import LONGEST_CALL, LONGEST_HANDOFF
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.ports.phone import CallAnswered
from gateway.ports.record import SignalKind
from gateway.services import provider_calls
from tests.unit.actors.contact_desk import NOW, Desk
from tests.unit.actors.test_contact import desk as desk  # noqa: PLC0414 - a fixture


def tell_what_is_on_record(desk: Desk, call_id: str) -> None:
    """Do what the dispatcher does with the signal of the web."""
    for report in provider_calls.reports_of(desk.record, call_id):
        desk.report(report)


def press(desk: Desk, call_id: str, digit: str) -> None:
    """Press a key at the web."""
    provider_calls.take_key(desk.record, call_id=call_id, digit=digit, sequence=1, at=NOW)


def test_a_callee_whose_key_the_web_took_is_not_broken_in_upon(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(CallAnswered(call_id, NOW))
    press(desk, call_id, "1")
    desk.acknowledge(event_id)
    tell_what_is_on_record(desk, call_id)
    assert desk.booth.stood_down == []
    assert desk.phone.hung_up == []
    assert desk.state(attempt_id) is AttemptState.ACKNOWLEDGED


def test_a_handoff_at_the_web_is_followed_for_as_long_as_people_talk(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    assert desk.timers.delays[-1] == LONGEST_CALL
    press(desk, call_id, "2")
    for _ in range(2):
        tell_what_is_on_record(desk, call_id)
        assert desk.timers.delays[-1] == LONGEST_HANDOFF
    assert desk.timers.delays.count(LONGEST_HANDOFF) == 1
    desk.acknowledge(event_id)
    assert desk.phone.hung_up == []
    desk.end(call_id, CallOutcome.NO_KEY)
    assert desk.phone.forgotten == [call_id]


def test_every_event_of_a_bundle_is_looked_at_after_a_key(desk: Desk) -> None:
    first = desk.due("One")[0]
    call_id = desk.prepare()
    second, third = desk.due("Two")[0], desk.due("Three")[0]
    desk.end(call_id, CallOutcome.NO_KEY)
    call_id = desk.prepare()
    press(desk, call_id, "2")
    with desk.record.read() as work:
        told = {s.event_id for s in work.signals.pending(100) if s.kind is SignalKind.CALL_CHANGED}
    assert told == {second, third}
    assert first not in told
