"""What the record holds of a call once it is over, on both databases."""

from dataclasses import replace
from datetime import timedelta

from gateway.config.schema import Config
from gateway.model.attempt import Level
from gateway.model.call import CallOutcome
from gateway.model.timeline import TimelineType
from gateway.ports.phone import CallEnded
from gateway.ports.record import Record
from gateway.services import call_queries, calls, keys
from gateway.services.evidence import verify
from gateway.services.queries import show_event
from gateway.services.quota import VoiceQuota
from tests.records import NOW, add_event, add_tenant

SECOND = timedelta(seconds=1)


def test_a_call_keeps_ring_answer_keys_call_id_and_sound(record: Record) -> None:
    tenant = add_tenant(record)
    event_id = add_event(record, tenant.new_event())
    leg = replace(tenant.call(), caller_id=None)
    with record.write() as work:
        attempt = work.attempts.add(tenant.attempt(event_id, Level.CALL))
        work.calls.add(leg)
        work.calls.tie(leg.id, [attempt.id])
        work.commit()
    for later in (1, 2):
        calls.note_progress(record, call_id=leg.id, kind=TimelineType.CALL_RINGING, at=NOW + later * SECOND)
    calls.note_progress(record, call_id=leg.id, kind=TimelineType.CALL_ANSWERED, at=NOW + 3 * SECOND)
    for sequence, digit in ((1, "9"), (2, "1"), (2, "1")):
        keys.press_key(record, call_id=leg.id, digit=digit, sequence=sequence, at=NOW + (3 + sequence) * SECOND)
    calls.end_call(
        record,
        CallEnded(
            call_id=leg.id,
            at=NOW + 6 * SECOND,
            outcome=CallOutcome.NO_KEY,
            sip_cause=200,
            hangup_cause=16,
            billed_seconds=3,
            sip_call_id="5f0c@carrier",
            caller_id="+15550100",
            audio_sha256="ab" * 32,
        ),
        quota=VoiceQuota(Config().tiers),
    )
    call = call_queries.find(record, leg.id)
    assert call is not None
    assert (call.ringing_at, call.answered_at) == (NOW + SECOND, NOW + 3 * SECOND)
    assert (call.digits, call.digit_times) == ("91", (NOW + 4 * SECOND, NOW + 5 * SECOND))
    assert (call.sip_call_id, call.caller_id, call.audio_sha256) == ("5f0c@carrier", "+15550100", "ab" * 32)
    assert (call.outcome, call.sip_cause, call.hangup_cause) == (CallOutcome.ACKNOWLEDGED, 200, 16)
    shown = show_event(record, event_id)
    assert shown is not None
    (shown_call,) = shown["calls"]
    assert shown_call["digit_times"] == ["2026-03-29T01:00:03.123Z", "2026-03-29T01:00:04.123Z"]
    assert [entry["type"] for entry in shown["timeline"]].count("call_ringing") == 1
    (end,) = [entry["detail"] for entry in shown["timeline"] if entry["type"] == "call_ended"]
    assert (end["sip_call_id"], end["audio_sha256"]) == ("5f0c@carrier", "ab" * 32)
    assert verify(record, tenant.license.id).holds
