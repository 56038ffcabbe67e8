"""Events, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt
from gateway.model.event import Event, EventStatus, Severity, ThrottleReason
from gateway.model.policy import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What is written when an alert is accepted or throttled."""

    license_id: int
    source_id: int
    title: str
    body: str
    severity: Severity
    dedup_key: str
    payload: str
    status: EventStatus
    created_at: datetime
    snapshot: Snapshot | None
    throttle_reason: ThrottleReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRecord:
    """All that the ladder needs of one event."""

    event: Event
    snapshot: Snapshot
    history: tuple[Attempt, ...]


class EventRepository(Protocol):
    """Events."""

    def add(self, event: NewEvent) -> int:
        """Store a new event and return its id."""
        ...

    def get(self, event_id: int) -> Event | None:
        """Return an event."""
        ...

    def lock(self, event_id: int) -> EventStatus | None:
        """Hold off other writers of this event until this unit of work ends, and return where the event stands."""
        ...

    def escalation(self, event_id: int) -> EscalationRecord | None:
        """Return an event with its snapshot and attempts; ``None`` where it never escalated."""
        ...

    def escalations(self, event_ids: Collection[int], *, hold: bool = False) -> Sequence[EscalationRecord]:
        """Return those of the events that escalate or did, by id; with ``hold``, locked as ``lock`` does it."""
        ...

    def find_duplicate(self, source_id: int, dedup_key: str, since: datetime) -> Event | None:
        """Return the newest event of that source and key created at or after ``since`` that is not resolved."""
        ...

    def find_open(self, source_id: int, dedup_key: str) -> Event | None:
        """Return the newest open event of that source and key."""
        ...

    def count_repeat(self, event_id: int) -> None:
        """Add one to the repeat count."""
        ...

    def count_accepted(self, license_id: int, since: datetime) -> int:
        """Return how many events of the license, throttled ones aside, were created at or after ``since``."""
        ...

    def close(
        self,
        event_id: int,
        *,
        status: EventStatus,
        at: datetime,
        from_statuses: Collection[EventStatus],
        by: str | None = None,
        via: AcknowledgedVia | None = None,
    ) -> bool:
        """Move an event to a closed status if it is in one of ``from_statuses``; tell whether it was moved."""
        ...

    def open_ids(self) -> Sequence[int]:
        """Return the ids of all open events, oldest first."""
        ...

    def unfinished_ids(self) -> Sequence[int]:
        """Return the ids of all events with something left to do, the gravest first, then by id.

        These are the open ones, and the closed ones not yet finished.
        """
        ...

    def finish(self, event_ids: Collection[int], at: datetime) -> None:
        """Record that closed events, whose lock is held, have nothing left to do."""
        ...

    def list(self, *, status: EventStatus | None, license_id: int | None, limit: int) -> Sequence[Event]:
        """Return the newest events."""
        ...
