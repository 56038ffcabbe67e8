"""The legs of phone calls, each recorded before it is dialled and completed afterwards.

One call may announce several events of one contact: it then makes one attempt for each.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call, CallOutcome
from gateway.model.caps import CallCaps
from gateway.model.event import EventStatus, Severity
from gateway.model.quota import QUOTA_SPENT, VoiceUseKind
from gateway.model.timeline import TimelineType
from gateway.ports.phone import CallEnded
from gateway.ports.record import Record, UnitOfWork
from gateway.services import caps
from gateway.services.due import in_order, still_due
from gateway.services.keys import MOST_PINS, PIN_REFUSED_MARK, WRONG_PIN
from gateway.services.quota import VoiceQuota
from gateway.services.steps import note_step, settle

log = structlog.get_logger(__name__)

_MILLISECOND = timedelta(milliseconds=1)

_RESULT_OF = {
    CallOutcome.INVALID_NUMBER: AttemptState.INVALID_NUMBER,
    CallOutcome.CANCELLED: AttemptState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCall:
    """What the end of a leg means: ``open_attempts`` wait for another trunk in the same attempt."""

    outcome: CallOutcome
    attempts: tuple[Attempt, ...]
    open_attempts: tuple[Attempt, ...]


def begin_call(
    record: Record,
    *,
    call_id: str,
    contact_id: int,
    attempt_ids: Collection[int],
    provider: str,
    node: str | None,
    trunk: str | None,
    to_number: str,
    longest: timedelta,
    quota: VoiceQuota,
    at: datetime,
    call_caps: CallCaps | None = None,
) -> bool:
    """Record a leg that is about to be dialled for these attempts, and reserve what it may take of the voice minutes.

    Returns ``False``, and records no leg, where one of the events is over meanwhile: what
    was to be announced is no longer right, and the caller asks anew what is due. Likewise where the call would be one
    too many by now, or no voice minutes remain: then the attempts are recorded as skipped. Asked again, as where the
    record went away before it said what it had done, it returns whether the leg is on record and not over.
    """
    with record.write() as work:
        if (known := work.calls.get(call_id)) is not None:
            return known.ended_at is None
        contact = work.contacts.get(contact_id)
        if contact is None:
            return False
        # Before the events, as intake takes them.
        work.licenses.lock(contact.license_id)
        if call_caps is not None:
            # Other contacts may have the number too, of other licenses as well.
            work.calls.lock_number(to_number)
        attempts = still_due(work, attempt_ids, at)
        begun = len(attempts) == len(set(attempt_ids))
        refusal = None
        if begun and call_caps is not None:
            announced = {attempt.event_id for attempt in attempts}
            refusal = caps.refusal_within(
                work, call_caps, contact_id=contact_id, to_number=to_number, event_ids=announced, at=at
            )
        if begun and refusal is None:
            reserved = quota.reserve(
                work,
                license_id=contact.license_id,
                kind=VoiceUseKind.CALL,
                reference=call_id,
                longest=longest,
                critical=_any_critical(work, attempts),
                at=at,
            )
            refusal = None if reserved else QUOTA_SPENT
        if refusal is not None:
            begun = False
            log.warning("call_refused", contact_id=contact_id, attempt_ids=tuple(attempt_ids), reason=refusal)
            for attempt in attempts:
                settle(work, attempt, AttemptState.SKIPPED, refusal, at)
        if begun:
            work.calls.add(
                Call(
                    id=call_id,
                    license_id=contact.license_id,
                    contact_id=contact_id,
                    provider=provider,
                    node=node,
                    trunk=trunk,
                    to_number=to_number,
                    started_at=at,
                )
            )
            work.calls.tie(call_id, [attempt.id for attempt in attempts])
            for attempt in attempts:
                detail: dict[str, object] = {"call_id": call_id, "trunk": trunk, "to": to_number}
                note_step(work, attempt, TimelineType.CALL_DIALLED, at, detail | {"attempt_id": attempt.id})
        work.commit()
    return begun


def note_progress(
    record: Record, *, call_id: str, kind: TimelineType, at: datetime, post_dial_delay: timedelta | None = None
) -> None:
    """Put the ringing, the answer or the recovery of a leg on the timeline, each once."""
    with record.write() as work:
        call = work.calls.get(call_id)
        if call is None or call.ended_at is not None:
            return
        if kind is TimelineType.CALL_ANSWERED:
            if call.answered_at is not None:
                return
            work.calls.update(replace(call, answered_at=at))
        elif kind is TimelineType.CALL_RINGING:
            if call.ringing_at is not None:
                return
            delay_ms = _milliseconds(post_dial_delay) or call.post_dial_delay_ms
            work.calls.update(replace(call, ringing_at=at, post_dial_delay_ms=delay_ms))
        for attempt in work.attempts.of_call(call_id):
            note_step(work, attempt, kind, at, {"call_id": call_id})
        work.commit()


def end_call(record: Record, report: CallEnded, *, quota: VoiceQuota) -> EndedCall | None:
    """Record the end of a leg and what it means for its attempts; ``None`` for an unknown leg."""
    with record.write() as work:
        quota.hold(work, VoiceUseKind.CALL, report.call_id)
        call = work.calls.get(report.call_id)
        if call is None:
            return None
        attempts = tuple(sorted(work.attempts.of_call(report.call_id), key=lambda each: (each.event_id, each.id)))
        outcome = _outcome(attempts, report.outcome)
        if call.ended_at is None:
            work.calls.update(
                replace(
                    call,
                    answered_at=call.answered_at or report.answered_at,
                    ended_at=report.at,
                    sip_cause=report.sip_cause,
                    hangup_cause=report.hangup_cause,
                    outcome=outcome,
                    billed_seconds=report.billed_seconds,
                    sip_call_id=report.sip_call_id,
                    caller_id=report.caller_id or call.caller_id,
                    audio_sha256=report.audio_sha256,
                    provider_call_id=report.provider_call_id or call.provider_call_id,
                    post_dial_delay_ms=_milliseconds(report.post_dial_delay) or call.post_dial_delay_ms,
                    quality=report.quality or call.quality,
                )
            )
            detail: dict[str, object] = {"call_id": call.id, "outcome": outcome.value, "sip_cause": report.sip_cause}
            detail |= {"hangup_cause": report.hangup_cause, "billed_seconds": report.billed_seconds}
            # In the chain of the timeline, so that they cannot be changed unnoticed.
            detail |= {"sip_call_id": report.sip_call_id, "audio_sha256": report.audio_sha256}
            if _is_locked_out(call, outcome):
                detail["reason"] = WRONG_PIN
            for attempt in attempts:
                note_step(work, attempt, TimelineType.CALL_ENDED, report.at, detail)
            if outcome is CallOutcome.INVALID_NUMBER:
                work.contacts.flag_phone_invalid(call.contact_id, report.at)
            answered = (call.answered_at or report.answered_at) is not None
            used_seconds = report.billed_seconds if answered else 0
            quota.settle(work, kind=VoiceUseKind.CALL, reference=call.id, used_seconds=used_seconds, at=report.at)
        pending = tuple(a for a in attempts if a.state is AttemptState.PENDING and a.call_id == call.id)
        settled = AttemptState.MISSED if outcome.is_missed else _RESULT_OF.get(outcome)
        if settled is not None:
            for attempt in pending:
                reason = WRONG_PIN if _is_locked_out(call, outcome) else outcome.value
                settle(work, attempt, settled, reason, report.at)
            pending = ()
        work.commit()
    return EndedCall(outcome=outcome, attempts=attempts, open_attempts=pending)


def settle_attempts(
    record: Record, *, attempt_ids: Collection[int], state: AttemptState, reason: str, at: datetime
) -> None:
    """Record the same result for pending attempts, such as that nobody could place their call."""
    with record.write() as work:
        for attempt_id, _ in in_order(work, attempt_ids):
            attempt = work.attempts.get(attempt_id)
            if attempt is not None and attempt.state is AttemptState.PENDING:
                settle(work, attempt, state, reason, at)
        work.commit()


def cancel_waiting(record: Record, *, event_id: int, contact_id: int, at: datetime) -> bool:
    """Record that the contact need not be called about an event any more; tell whether a call was still waiting.

    An attempt whose leg is under way ends with its leg.
    """
    with record.write() as work:
        if work.events.lock(event_id) is EventStatus.OPEN:
            return False
        waiting = [
            attempt
            for attempt in work.attempts.of_event(event_id)
            if attempt.contact_id == contact_id
            and attempt.level is Level.CALL
            and attempt.state is AttemptState.PENDING
            and not _under_way(work, attempt)
        ]
        for attempt in waiting:
            settle(work, attempt, AttemptState.CANCELLED, "event_over", at)
        work.commit()
    return bool(waiting)


def _under_way(work: UnitOfWork, attempt: Attempt) -> bool:
    return any(leg.ended_at is None for leg in work.calls.legs_of_attempt(attempt.id))


def _any_critical(work: UnitOfWork, attempts: Sequence[Attempt]) -> bool:
    events = [work.events.get(attempt.event_id) for attempt in attempts]
    return any(event is not None and event.severity is Severity.CRITICAL for event in events)


def _is_locked_out(call: Call, outcome: CallOutcome) -> bool:
    """Tell whether too many wrong PINs ended the call."""
    return outcome is CallOutcome.NO_KEY and call.digits.count(PIN_REFUSED_MARK) >= MOST_PINS


def _milliseconds(length: timedelta | None) -> int | None:
    return None if length is None else length // _MILLISECOND


def _outcome(attempts: Sequence[Attempt], reported: CallOutcome) -> CallOutcome:
    """Let the keys decide how an answered call ended."""
    states = {attempt.state for attempt in attempts}
    if AttemptState.ACKNOWLEDGED in states:
        return CallOutcome.ACKNOWLEDGED
    if AttemptState.HANDED_OFF in states:
        return CallOutcome.HANDED_OFF
    return reported
