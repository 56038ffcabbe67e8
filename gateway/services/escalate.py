"""What became of an escalation's steps. ``gateway.services.advance`` begins them. Each function is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.model.whatsapp import recorded_reason
from gateway.ports.messages import Delivery
from gateway.ports.record import Record, SignalKind, UnitOfWork
from gateway.services.steps import note_step
from gateway.services.whatsapp import learn

_MESSAGE_ORDER = (
    AttemptState.PENDING,
    AttemptState.UNKNOWN,
    AttemptState.SENT,
    AttemptState.DELIVERED,
    AttemptState.READ,
)
_ARRIVED = frozenset({AttemptState.DELIVERED, AttemptState.READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageResult:
    """What became of an event's message, and when that was known."""

    event_id: int
    attempt_id: int
    delivery: Delivery
    at: datetime


def finish_messages(record: Record, results: Sequence[MessageResult]) -> None:
    """Record what became of messages. A report that came in meanwhile is not overwritten."""
    with record.write() as work:
        # In the order in which the steps of several events are recorded, so that neither waits for the other.
        for result in sorted(results, key=lambda each: (each.event_id, each.attempt_id)):
            _finish_message(work, result)
        work.commit()


def _finish_message(work: UnitOfWork, result: MessageResult) -> None:
    attempt, delivery = work.attempts.get(result.attempt_id), result.delivery
    if attempt is None:
        return
    if delivery.provider_id is not None:
        work.attempts.set_provider_id(attempt.id, delivery.provider, delivery.provider_id)
    reason = recorded_reason(delivery.fault, delivery.reason)
    if attempt.state in {AttemptState.PENDING, AttemptState.UNKNOWN}:
        work.attempts.update(replace(attempt, state=delivery.state, ended_at=result.at, reason=reason))
    detail: dict[str, object] = {"attempt_id": attempt.id, "result": delivery.state.value}
    detail |= {"provider": delivery.provider, "provider_id": delivery.provider_id, "reason": reason}
    detail |= learn(work, delivery, began_at=attempt.began_at, at=result.at)
    if attempt.level is Level.OWNER:
        _note_owner_message(work, attempt, delivery)
    note_step(work, attempt, TimelineType.ATTEMPT_RESULT, result.at, detail)


def _note_owner_message(work: UnitOfWork, attempt: Attempt, delivery: Delivery) -> None:
    """Record where the owner's message can be edited. One that perhaps was sent is found again by its button."""
    if delivery.state is AttemptState.SENT and delivery.chat is not None and delivery.provider_id is not None:
        work.owner_messages.number(attempt.id, chat=delivery.chat, message_id=delivery.provider_id)
    elif delivery.state is not AttemptState.UNKNOWN:
        work.owner_messages.discard(attempt.id)


def delivery_report(record: Record, report: Delivery, *, at: datetime, attempt_id: int | None = None) -> bool:
    """Record a provider's report about a message; tell whether the message is known.

    Reports may come twice and out of order: a message never goes back from read to delivered, and what was delivered
    does not fail any more. ``attempt_id`` finds the message where the report overtakes the provider's first answer.
    """
    provider, provider_id, state = report.provider, report.provider_id, report.state
    if provider_id is None:
        return False
    reason = recorded_reason(report.fault, report.reason)
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
        detail |= learn(work, report, began_at=attempt.began_at, at=at)
        note_step(work, attempt, TimelineType.DELIVERY_REPORT, at, detail)
        if state is AttemptState.FAILED:
            work.signals.add(SignalKind.EVENT_CHANGED, attempt.event_id)
        work.commit()
    return True


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


def _advances(known: AttemptState, reported: AttemptState) -> bool:
    if known not in _MESSAGE_ORDER:
        return False
    if reported is AttemptState.FAILED:
        return known not in _ARRIVED
    return reported in _MESSAGE_ORDER and _MESSAGE_ORDER.index(reported) > _MESSAGE_ORDER.index(known)
