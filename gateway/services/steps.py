"""Putting the steps of an attempt on its event's timeline."""

from dataclasses import replace
from datetime import datetime

from gateway.model.attempt import Attempt, AttemptState
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import UnitOfWork


def note_step(work: UnitOfWork, attempt: Attempt, kind: TimelineType, at: datetime, detail: dict[str, object]) -> None:
    """Add an entry about an attempt, inside a transaction of the caller's, who commits."""
    work.timeline.append(
        TimelineEntry(
            event_id=attempt.event_id,
            at=at,
            type=kind,
            contact_id=attempt.contact_id,
            channel=attempt.level.value,
            detail=detail,
        )
    )


def settle(work: UnitOfWork, attempt: Attempt, state: AttemptState, reason: str, at: datetime) -> None:
    """Record the result of an attempt, likewise."""
    work.attempts.update(replace(attempt, state=state, ended_at=at, reason=reason))
    detail: dict[str, object] = {"attempt_id": attempt.id, "result": state.value, "reason": reason}
    note_step(work, attempt, TimelineType.ATTEMPT_RESULT, at, detail)
