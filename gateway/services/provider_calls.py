"""Legs at a cloud provider, whose reports come in at the web processes.

What they report is recorded here, and the engine, which follows the leg, is told by a signal. Everything may come
twice, late and out of order.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.model.attempt import AttemptState
from gateway.model.call import Call, CallOutcome
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.phone import (
    CallAnswered,
    CallEnded,
    CallRinging,
    OperatorReported,
    OperatorState,
    PhoneReport,
)
from gateway.ports.provider_calls import end_on_record
from gateway.ports.record import Record, SignalKind
from gateway.services import calls
from gateway.services.keys import MayConnect, PressedKey, press_key
from gateway.services.quota import VoiceQuota

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderCalls:
    """The ``ProviderCallBook`` over the record."""

    record: Record
    provider: str

    def find(self, call_id: str) -> Call | None:
        """Return a leg."""
        with self.record.read() as work:
            return work.calls.get(call_id)

    def keep(self, call_id: str, provider_call_id: str) -> None:
        """Record under which id the provider has the leg, unless its own report has told already."""
        with self.record.write() as work:
            call = work.calls.get(call_id)
            if call is not None and call.provider_call_id is None:
                work.calls.update(replace(call, provider_call_id=provider_call_id))
                work.commit()

    def is_taken(self, provider_call_id: str) -> bool:
        """Tell whether a leg is on record under that id."""
        with self.record.read() as work:
            return work.calls.by_provider_call_id(self.provider, provider_call_id) is not None


def take_report(
    record: Record, *, call_id: str, provider_call_id: str, kind: TimelineType | None, at: datetime
) -> bool:
    """Record that a leg rings or is answered (or neither, with ``None``); tell whether the leg is on record.

    The report carries our id of the leg, so that it is the surest source of the provider's.
    """
    with record.write() as work:
        call = work.calls.get(call_id)
        if call is None:
            return False
        if call.provider_call_id != provider_call_id and provider_call_id:
            if call.provider_call_id is not None:
                log.warning("provider_call_id_corrected", call_id=call_id, was=call.provider_call_id)
            work.calls.update(replace(call, provider_call_id=provider_call_id))
            work.commit()
    if kind is not None:
        calls.note_progress(record, call_id=call_id, kind=kind, at=at)
    _tell_engine(record, call_id)
    return True


def take_end(record: Record, report: CallEnded, *, quota: VoiceQuota) -> CallOutcome | None:
    """Record the end of a leg as its provider reports it, and return what it means; ``None`` for an unknown leg."""
    ended = calls.end_call(record, _as_it_was_meant(record, report), quota=quota)
    if ended is None:
        return None
    _tell_engine(record, report.call_id)
    return ended.outcome


def take_key(
    record: Record,
    *,
    call_id: str,
    digit: str,
    sequence: int,
    at: datetime,
    pin: str | None = None,
    may_connect: MayConnect = lambda _number: True,
) -> PressedKey:
    """Record a key and do what it says, as ``keys.press_key`` does."""
    pressed = press_key(
        record, call_id=call_id, digit=digit, sequence=sequence, at=at, pin=pin, may_connect=may_connect
    )
    _tell_engine(record, call_id)
    return pressed


def reports_of(record: Record, call_id: str) -> list[PhoneReport]:
    """Return what the record tells of a leg, as the phone of the engine would have reported it."""
    with record.read() as work:
        call = work.calls.get(call_id)
        if call is None:
            return []
        states = {attempt.state for attempt in work.attempts.of_call(call_id)}
    reports: list[PhoneReport] = []
    if call.ringing_at is not None:
        reports.append(CallRinging(call_id, call.ringing_at))
    if call.answered_at is not None:
        reports.append(CallAnswered(call_id, call.answered_at))
        if AttemptState.HANDED_OFF in states:
            reports.append(OperatorReported(call_id, OperatorState.DIALLING, call.answered_at))
    if (ended := end_on_record(call)) is not None:
        reports.append(ended)
    return reports


def _as_it_was_meant(record: Record, report: CallEnded) -> CallEnded:
    """Tell a leg that we ended from one that ended by itself: the provider's word for both is the same.

    Once nobody waits for an answer, a leg is cancelled or told so and hung up; as long as somebody does, it was
    not we who ended it.
    """
    with record.read() as work:
        events = [work.events.get(attempt.event_id) for attempt in work.attempts.of_call(report.call_id)]
    is_wanted = any(event is not None and event.status is EventStatus.OPEN for event in events)
    if is_wanted and report.outcome is CallOutcome.CANCELLED:
        return replace(report, outcome=CallOutcome.NO_ANSWER)
    if not is_wanted and report.outcome in {CallOutcome.NO_KEY, CallOutcome.NO_ANSWER}:
        return replace(report, outcome=CallOutcome.CANCELLED)
    return report


def _tell_engine(record: Record, call_id: str) -> None:
    with record.write() as work:
        attempts = work.attempts.of_call(call_id)
        for event_id in dict.fromkeys(attempt.event_id for attempt in attempts):
            work.signals.add(SignalKind.CALL_CHANGED, event_id, call_id)
        work.commit()
