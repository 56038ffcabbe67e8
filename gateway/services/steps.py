"""Putting the steps of an attempt on its event's timeline."""

from datetime import datetime

from gateway.model.attempt import Attempt
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
