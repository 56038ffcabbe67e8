"""The steps of an escalation, each recorded before it is done and completed afterwards.

Every function is one short transaction. Those that begin something look at the event
again under its lock, so that nothing begins once an acknowledgement is committed.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.policy import Policy
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.messages import Delivery
from gateway.ports.record import EscalationRecord, Record, SignalKind, UnitOfWork
from gateway.services.steps import note_step

_MESSAGE_ORDER = (
    AttemptState.PENDING,
    AttemptState.UNKNOWN,
    AttemptState.SENT,
    AttemptState.DELIVERED,
    AttemptState.READ,
)
_OVER = frozenset({EventStatus.ACKNOWLEDGED, EventStatus.RESOLVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt as it was recorded; ``link_id`` is the acknowledgement link of a message that carries one."""

    attempt: Attempt
    link_id: int | None = None
    window_open: bool = False


def load(record: Record, event_id: int) -> EscalationRecord | None:
    """Return what the ladder needs of an event; ``None`` where there is nothing to escalate."""
    with record.read() as work:
        return work.events.escalation(event_id)


def begin_message(
    record: Record,
    *,
    event_id: int,
    contact_id: int | None,
    level: Level,
    number: int,
    policy: Policy,
    window_open: bool,
    refusal: str | None,
    at: datetime,
) -> Begun | None:
    """Record that a message is about to be sent, or, where ``refusal`` says why it cannot be, that it is skipped.

    Returns ``None``, and records nothing, where the event's state no longer asks for it
    or the same attempt was recorded already.
    """
    with record.write() as work:
        if not _asks_for(work, event_id, level) or _exists(work, event_id, contact_id, level, number):
            return None
        attempt = work.attempts.add(
            Attempt(
                id=0,
                event_id=event_id,
                contact_id=contact_id,
                level=level,
                number=number,
                state=AttemptState.SKIPPED if refusal else AttemptState.PENDING,
                began_at=at,
                deadline_at=None if refusal else at + policy.send_timeout,
                ended_at=at if refusal else None,
                reason=refusal,
            )
        )
        link_id = None
        if level in {Level.TEXT, Level.OWNER} and not refusal:
            link_id = work.acknowledgements.add_link(event_id, contact_id, at + policy.link_lifetime).id
        _note_begun(work, attempt, at)
        work.commit()
    return Begun(attempt=attempt, link_id=link_id, window_open=window_open)


def window_open(record: Record, contact_id: int, at: datetime) -> bool:
    """Tell whether WhatsApp's 24-hour window of the contact is known to be open."""
    with record.read() as work:
        contact = work.contacts.get(contact_id)
    return contact is not None and contact.whatsapp_window_until is not None and contact.whatsapp_window_until > at


def begin_call_attempt(
    record: Record, *, event_id: int, contact_id: int, number: int, refusal: str | None, at: datetime
) -> Attempt | None:
    """Record that the contact is about to be called for this event; likewise ``None`` where that is not asked for."""
    with record.write() as work:
        if not _asks_for(work, event_id, Level.CALL) or _exists(work, event_id, contact_id, Level.CALL, number):
            return None
        attempt = work.attempts.add(
            Attempt(
                id=0,
                event_id=event_id,
                contact_id=contact_id,
                level=Level.CALL,
                number=number,
                state=AttemptState.SKIPPED if refusal else AttemptState.PENDING,
                began_at=at,
                ended_at=at if refusal else None,
                reason=refusal,
            )
        )
        _note_begun(work, attempt, at)
        work.commit()
    return attempt


def skip(record: Record, *, event_id: int, contact_id: int, level: Level, reason: str, at: datetime) -> None:
    """Record that a level is left out, and why."""
    with record.write() as work:
        if not _asks_for(work, event_id, level) or _exists(work, event_id, contact_id, level, 1):
            return
        attempt = work.attempts.add(
            Attempt(
                id=0,
                event_id=event_id,
                contact_id=contact_id,
                level=level,
                number=1,
                state=AttemptState.SKIPPED,
                began_at=at,
                ended_at=at,
                reason=reason,
            )
        )
        _note_begun(work, attempt, at)
        work.commit()


def finish_message(record: Record, *, attempt_id: int, delivery: Delivery, at: datetime) -> None:
    """Record what became of a message. A report that came in meanwhile is not overwritten."""
    with record.write() as work:
        attempt = work.attempts.get(attempt_id)
        if attempt is None:
            return
        if delivery.provider_id is not None:
            work.attempts.set_provider_id(attempt_id, delivery.provider, delivery.provider_id)
        if attempt.state in {AttemptState.PENDING, AttemptState.UNKNOWN}:
            work.attempts.update(replace(attempt, state=delivery.state, ended_at=at, reason=delivery.reason))
        detail: dict[str, object] = {"attempt_id": attempt_id, "result": delivery.state.value}
        detail |= {"provider": delivery.provider, "provider_id": delivery.provider_id, "reason": delivery.reason}
        note_step(work, attempt, TimelineType.ATTEMPT_RESULT, at, detail)
        work.commit()


def give_up(record: Record, *, attempt_id: int, at: datetime) -> None:
    """Record that a message's result will not be known. It is never sent again to a contact."""
    with record.write() as work:
        attempt = work.attempts.get(attempt_id)
        if attempt is None or attempt.state is not AttemptState.PENDING:
            return
        reason = "no_result_in_time"
        # The wait for an answer runs from when the message may have left, so a restart does not prolong it.
        ended_at = at if attempt.level is Level.OWNER else attempt.began_at
        work.attempts.update(replace(attempt, state=AttemptState.UNKNOWN, ended_at=ended_at, reason=reason))
        detail: dict[str, object] = {"attempt_id": attempt_id, "result": AttemptState.UNKNOWN.value, "reason": reason}
        note_step(work, attempt, TimelineType.ATTEMPT_RESULT, at, detail)
        work.commit()


def delivery_report(
    record: Record,
    *,
    provider: str,
    provider_id: str,
    state: AttemptState,
    reason: str | None,
    at: datetime,
    attempt_id: int | None = None,
) -> bool:
    """Record a provider's report about a message; tell whether the message is known.

    Reports may come twice and out of order: a message never goes back from read to delivered.
    ``attempt_id`` finds the message where the report overtakes the provider's first answer.
    """
    with record.write() as work:
        attempt = work.attempts.by_provider_id(provider, provider_id)
        if attempt is None and attempt_id is not None:
            attempt = work.attempts.get(attempt_id)
            if attempt is not None:
                work.attempts.set_provider_id(attempt.id, provider, provider_id)
        if attempt is None:
            return False
        if not _advances(attempt.state, state):
            return True
        ended_at = at if state is AttemptState.FAILED else attempt.ended_at or at
        work.attempts.update(replace(attempt, state=state, ended_at=ended_at, reason=reason))
        detail: dict[str, object] = {"attempt_id": attempt.id, "report": state.value, "reason": reason}
        note_step(work, attempt, TimelineType.DELIVERY_REPORT, at, detail)
        if state is AttemptState.FAILED:
            work.signals.add(SignalKind.EVENT_CHANGED, attempt.event_id)
        work.commit()
    return True


def exhaust(record: Record, *, event_id: int, at: datetime) -> None:
    """Close an event that nobody took."""
    with record.write() as work:
        open_only = frozenset({EventStatus.OPEN})
        if work.events.close(event_id, status=EventStatus.EXHAUSTED, at=at, from_statuses=open_only):
            entry = TimelineEntry(
                event_id=event_id, at=at, type=TimelineType.EXHAUSTED, contact_id=None, channel=None, detail={}
            )
            work.timeline.append(entry)
            work.commit()


def finish(record: Record, *, event_id: int, status: EventStatus) -> bool:
    """Record that an event with that status has nothing left to do: no later start of the engine looks at it.

    Returns ``False`` where the status is another by now, as when an exhausted event is acknowledged after all.
    """
    with record.write() as work:
        finished = work.events.finish(event_id, status)
        work.commit()
    return finished


def note_fault(record: Record, *, event_id: int, what: str, at: datetime) -> None:
    """Put a fault of the engine's on the event's timeline."""
    with record.write() as work:
        work.timeline.append(
            TimelineEntry(
                event_id=event_id,
                at=at,
                type=TimelineType.ENGINE_FAULT,
                contact_id=None,
                channel=None,
                detail={"what": what},
            )
        )
        work.commit()


def _asks_for(work: UnitOfWork, event_id: int, level: Level) -> bool:
    status = work.events.lock(event_id)
    return status in _OVER if level is Level.STAND_DOWN else status is EventStatus.OPEN


def _exists(work: UnitOfWork, event_id: int, contact_id: int | None, level: Level, number: int) -> bool:
    return any(
        (a.contact_id, a.level, a.number) == (contact_id, level, number) for a in work.attempts.of_event(event_id)
    )


def _advances(known: AttemptState, reported: AttemptState) -> bool:
    if known not in _MESSAGE_ORDER:
        return False
    if reported is AttemptState.FAILED:
        return True
    return reported in _MESSAGE_ORDER and _MESSAGE_ORDER.index(reported) > _MESSAGE_ORDER.index(known)


def _note_begun(work: UnitOfWork, attempt: Attempt, at: datetime) -> None:
    skipped = attempt.state is AttemptState.SKIPPED
    detail: dict[str, object] = {"attempt_id": attempt.id, "number": attempt.number}
    if skipped:
        detail["reason"] = attempt.reason
    note_step(work, attempt, TimelineType.ATTEMPT_SKIPPED if skipped else TimelineType.ATTEMPT_STARTED, at, detail)
