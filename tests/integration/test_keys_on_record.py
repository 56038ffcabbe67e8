"""Keys, PINs, machines and the operator as they go on record, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from werkzeug.security import generate_password_hash

from gateway.config.schema import Config
from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome, CallQuality
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.phone import (
    TONES_PLAYED,
    CallEnded,
    MachineDetected,
    OperatorReported,
    OperatorState,
    SoundsMissing,
)
from gateway.ports.record import Record
from gateway.services import calls, keys
from gateway.services.call_reports import note, note_machine, note_operator
from gateway.services.keys import PinResult, PressedKey
from gateway.services.quota import VoiceQuota
from tests.records import NOW, add_event, add_tenant

SECOND = timedelta(seconds=1)
PIN, WRONG = "90214711", "90214712"
# As slow as the product's own, but for the tests' patience.
HASH = generate_password_hash(PIN, method="pbkdf2:sha256:1000")


class Desk:
    """A leg that announces one event to a contact with a PIN."""

    def __init__(self, record: Record, pin_hash: str | None = HASH, operator: str | None = None) -> None:
        self.record = record
        tenant = add_tenant(record)
        new_event = tenant.new_event()
        assert new_event.snapshot is not None
        snapshot = replace(new_event.snapshot, handoff_number=operator)
        self.event_id = add_event(record, replace(new_event, snapshot=snapshot))
        with record.write() as work:
            contact = work.contacts.add(tenant.contacts[0], pin_hash=pin_hash)
            leg = replace(tenant.call(), contact_id=contact.id)
            attempt = work.attempts.add(replace(tenant.attempt(self.event_id, Level.CALL), contact_id=contact.id))
            attempt = replace(attempt, call_id=leg.id)
            work.attempts.update(attempt)
            work.calls.add(leg)
            work.calls.tie(leg.id, [attempt.id])
            work.commit()
        self.call_id = leg.id
        self.keys = 0

    def press(self, digit: str = "1", pin: str | None = None, *, sequence: int | None = None) -> PressedKey:
        self.keys += sequence is None
        number = sequence or self.keys
        return keys.press_key(
            self.record, call_id=self.call_id, digit=digit, sequence=number, at=NOW + number * SECOND, pin=pin
        )

    def status(self) -> EventStatus:
        with self.record.read() as work:
            event = work.events.get(self.event_id)
        assert event is not None
        return event.status

    def digits(self) -> str:
        with self.record.read() as work:
            call = work.calls.get(self.call_id)
        assert call is not None
        return call.digits

    def story(self, *kinds: TimelineType) -> list[dict[str, object]]:
        with self.record.read() as work:
            return [entry.detail for entry in work.timeline.of_event(self.event_id) if entry.type in kinds]

    def end(self, outcome: CallOutcome = CallOutcome.NO_KEY, **values: object) -> CallOutcome:
        report = CallEnded(call_id=self.call_id, at=NOW + 60 * SECOND, outcome=outcome, **values)  # type: ignore[arg-type]
        ended = calls.end_call(self.record, report, quota=VoiceQuota(Config().tiers))
        assert ended is not None
        return ended.outcome


@pytest.fixture
def desk(record: Record) -> Desk:
    return Desk(record)


def test_the_right_pin_acknowledges_however_often_it_is_told(desk: Desk) -> None:
    for _ in range(2):
        pressed = desk.press(pin=PIN, sequence=1)
        assert pressed.pin is PinResult.ACCEPTED
        assert [result.first for result in pressed.acknowledged] == [True]
    assert (desk.status(), desk.digits()) == (EventStatus.ACKNOWLEDGED, "1")
    assert desk.story(TimelineType.PIN_ACCEPTED) == [{"call_id": desk.call_id, "try": 1}]


@pytest.mark.parametrize("pin", [WRONG, "", None], ids=["wrong", "none entered", "none asked for"])
def test_a_1_without_the_right_pin_acknowledges_nothing(desk: Desk, pin: str | None) -> None:
    assert desk.press(pin=pin).pin is PinResult.REFUSED
    assert (desk.status(), desk.digits()) == (EventStatus.OPEN, "p")
    assert desk.press(pin=PIN).pin is PinResult.ACCEPTED
    assert (desk.status(), desk.digits()) == (EventStatus.ACKNOWLEDGED, "p1")


def test_the_same_wrong_pin_told_twice_is_one_try(desk: Desk) -> None:
    for _ in range(3):
        assert desk.press(pin=WRONG, sequence=1).pin is PinResult.REFUSED
    assert desk.digits() == "p"
    assert len(desk.story(TimelineType.PIN_REFUSED)) == 1


def test_the_third_wrong_pin_is_the_last_and_no_right_one_counts_after_it(desk: Desk) -> None:
    results = [desk.press(pin=WRONG).pin for _ in range(3)]
    assert results == [PinResult.REFUSED, PinResult.REFUSED, PinResult.LAST_REFUSED]
    assert desk.press(pin=PIN).pin is PinResult.LAST_REFUSED
    assert desk.status() is EventStatus.OPEN
    assert desk.end() is CallOutcome.NO_KEY
    (ended,) = desk.story(TimelineType.CALL_ENDED)
    (result,) = desk.story(TimelineType.ATTEMPT_RESULT)
    assert (ended["reason"], result["reason"], result["result"]) == ("wrong_pin", "wrong_pin", AttemptState.MISSED)


def test_a_pin_is_that_of_now(desk: Desk, record: Record) -> None:
    assert Desk(record, pin_hash=None).press(pin="1234").pin is None, "whoever has none any more needs none"
    assert desk.press("9").pin is None, "other keys take no PIN"


def test_what_was_entered_is_not_on_record(desk: Desk) -> None:
    desk.press(pin=WRONG)
    desk.press(pin=PIN)
    assert WRONG not in str(desk.story(*TimelineType))
    assert PIN not in str(desk.story(*TimelineType))


def test_a_machine_is_a_missed_call(desk: Desk) -> None:
    found = MachineDetected(desk.call_id, NOW, "LONGGREETING-1700-1700", "1")
    for _ in range(2):
        note_machine(desk.record, found)
    assert desk.end(CallOutcome.MACHINE) is CallOutcome.MACHINE
    assert desk.status() is EventStatus.OPEN
    detail = {"call_id": desk.call_id, "reason": found.reason, "keys_ignored": "1"}
    assert desk.story(TimelineType.MACHINE_DETECTED) == [detail]
    (result,) = desk.story(TimelineType.ATTEMPT_RESULT)
    assert (result["result"], result["reason"]) == ("missed", "machine")


def test_sounds_that_are_missing_are_told_once(desk: Desk) -> None:
    report = SoundsMissing(desk.call_id, NOW, "pbx1", TONES_PLAYED)
    for _ in range(2):
        note(desk.record, report)
    assert desk.story(TimelineType.SOUNDS_MISSING) == [
        {"call_id": desk.call_id, "node": "pbx1", "reason": "tones_played"}
    ]
    assert desk.status() is EventStatus.OPEN, "a call without words goes on"


def test_each_state_of_the_operator_is_told_once(desk: Desk) -> None:
    for _ in range(2):
        for later, state in enumerate((OperatorState.DIALLING, OperatorState.CONNECTED, OperatorState.ENDED)):
            talked = timedelta(seconds=41.26) if state is OperatorState.ENDED else timedelta()
            note_operator(desk.record, OperatorReported(desk.call_id, state, NOW + later * SECOND, "carrier-a", talked))
    told = desk.story(TimelineType.OPERATOR_REPORTED)
    assert [entry["state"] for entry in told] == ["dialling", "connected", "ended"]
    assert (told[-1]["talked_seconds"], told[-1]["trunk"]) == (41.3, "carrier-a")


def test_an_end_keeps_what_was_measured(desk: Desk) -> None:
    quality = CallQuality(codec="ulaw", jitter_ms=1.5, round_trip_ms=20.0)
    ringing = TimelineType.CALL_RINGING
    delay = timedelta(milliseconds=420)
    calls.note_progress(desk.record, call_id=desk.call_id, kind=ringing, at=NOW, post_dial_delay=delay)
    # A restart in between: the leg's end knows nothing of its ringing.
    desk.end(quality=quality, post_dial_delay=None, provider_call_id="CA1")
    with desk.record.read() as work:
        call = work.calls.get(desk.call_id)
    assert call is not None
    assert (call.post_dial_delay_ms, call.quality, call.provider_call_id) == (420, quality, "CA1")


@pytest.mark.parametrize(("may", "state"), [(True, AttemptState.HANDED_OFF), (False, AttemptState.PENDING)])
def test_a_handoff_is_one_to_an_operator_who_may_be_called(record: Record, may: bool, state: AttemptState) -> None:
    desk = Desk(record, pin_hash=None, operator="+15550199")
    asked: list[str] = []

    def ask(number: str) -> bool:
        asked.append(number)
        return may

    pressed = keys.press_key(record, call_id=desk.call_id, digit="2", sequence=1, at=NOW + SECOND, may_connect=ask)
    assert asked == ["+15550199"]
    assert pressed.handed_off is may
    with record.read() as work:
        assert [attempt.state for attempt in work.attempts.of_call(desk.call_id)] == [state]
