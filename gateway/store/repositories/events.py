"""Events in the database."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, TextClause, func, insert, select, text, update

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import Event, EventStatus, Severity, ThrottleReason
from gateway.ports.record import EscalationRecord, NewEvent
from gateway.store.json_text import dump_snapshot, load_snapshot
from gateway.store.repositories.attempts import SqlAttempts
from gateway.store.tables import ACCEPTED_EVENT, OPEN_EVENT, UNFINISHED_EVENT, events

# All but the snapshot, which is large and needed by ``escalation`` alone.
_EVENT = [column for column in events.c if column is not events.c.snapshot]


class SqlEvents:
    """``EventRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: NewEvent) -> int:
        """See the port. An event that does not open has nothing left to do from the start."""
        closed_at = None if event.status is EventStatus.OPEN else event.created_at
        event_id: int = self._connection.execute(
            insert(events).returning(events.c.id),
            {
                "license_id": event.license_id,
                "source_id": event.source_id,
                "title": event.title,
                "body": event.body,
                "severity": event.severity.value,
                "dedup_key": event.dedup_key,
                "payload": event.payload,
                "status": event.status.value,
                "repeat_count": 0,
                "created_at": event.created_at,
                "throttle_reason": None if event.throttle_reason is None else event.throttle_reason.value,
                "snapshot": None if event.snapshot is None else dump_snapshot(event.snapshot),
                "finished_at": closed_at,
            },
        ).scalar_one()
        return event_id

    def get(self, event_id: int) -> Event | None:
        """See the port."""
        return self._first(events.c.id == event_id)

    def lock(self, event_id: int) -> EventStatus | None:
        """See the port.

        NO KEY: what points at the event can be inserted meanwhile. SQLite leaves the clause out: a transaction that
        writes is alone there.
        """
        query = select(events.c.status).where(events.c.id == event_id).with_for_update(key_share=True)
        status = self._connection.execute(query).scalar_one_or_none()
        return None if status is None else EventStatus(status)

    def escalation(self, event_id: int) -> EscalationRecord | None:
        """See the port."""
        query = select(events).where(events.c.id == event_id, events.c.snapshot.is_not(None))
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        history = SqlAttempts(self._connection, holds=False).of_event(event_id)
        return EscalationRecord(event=_event(row), snapshot=load_snapshot(row["snapshot"]), history=tuple(history))

    def find_duplicate(self, source_id: int, dedup_key: str, since: datetime) -> Event | None:
        """See the port."""
        return self._first(
            events.c.source_id == source_id,
            events.c.dedup_key == dedup_key,
            events.c.created_at >= since,
            events.c.status != EventStatus.RESOLVED.value,
        )

    def find_open(self, source_id: int, dedup_key: str) -> Event | None:
        """See the port."""
        return self._first(
            events.c.source_id == source_id,
            events.c.dedup_key == dedup_key,
            text(OPEN_EVENT),
        )

    def count_repeat(self, event_id: int) -> None:
        """See the port."""
        self._connection.execute(
            update(events).where(events.c.id == event_id).values(repeat_count=events.c.repeat_count + 1)
        )

    def count_accepted(self, license_id: int, since: datetime) -> int:
        """See the port."""
        query = select(func.count()).where(
            events.c.license_id == license_id, events.c.created_at >= since, text(ACCEPTED_EVENT)
        )
        return self._connection.execute(query).scalar_one()

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
        """See the port. Of all who close an event at once, one is told that it was moved.

        What was finished before has something left to do again: those who were told may have to hear that it is over.
        """
        values: dict[str, object] = {"status": status.value, "closed_at": at, "finished_at": None}
        if status is EventStatus.ACKNOWLEDGED:
            values |= {
                "acknowledged_at": at,
                "acknowledged_by": by,
                "acknowledged_via": None if via is None else via.value,
            }
        moved = self._connection.execute(
            update(events)
            .where(events.c.id == event_id, events.c.status.in_([from_.value for from_ in from_statuses]))
            .values(values)
        )
        return moved.rowcount == 1

    def open_ids(self) -> Sequence[int]:
        """See the port."""
        return self._ids(text(OPEN_EVENT))

    def unfinished_ids(self) -> Sequence[int]:
        """See the port."""
        return self._ids(text(UNFINISHED_EVENT))

    def finish(self, event_id: int, status: EventStatus) -> bool:
        """See the port. An open event stays unfinished."""
        finished = self._connection.execute(
            update(events)
            .where(
                events.c.id == event_id,
                events.c.status == status.value,
                events.c.status != EventStatus.OPEN.value,
            )
            .values(finished_at=datetime.now(UTC))
        )
        return finished.rowcount == 1

    def list(self, *, status: EventStatus | None, license_id: int | None, limit: int) -> Sequence[Event]:
        """See the port."""
        query = select(*_EVENT).order_by(events.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(events.c.status == status.value)
        if license_id is not None:
            query = query.where(events.c.license_id == license_id)
        return [_event(row) for row in self._connection.execute(query).mappings()]

    def _first(self, *conditions: ColumnElement[bool] | TextClause) -> Event | None:
        """Return the newest event that meets the conditions."""
        query = select(*_EVENT).where(*conditions).order_by(events.c.created_at.desc(), events.c.id.desc()).limit(1)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _event(row)

    def _ids(self, *conditions: ColumnElement[bool] | TextClause) -> Sequence[int]:
        return self._connection.execute(select(events.c.id).where(*conditions).order_by(events.c.id)).scalars().all()


def _event(row: RowMapping) -> Event:
    throttle_reason = row["throttle_reason"]
    return Event(
        id=row["id"],
        license_id=row["license_id"],
        source_id=row["source_id"],
        title=row["title"],
        body=row["body"],
        severity=Severity(row["severity"]),
        dedup_key=row["dedup_key"],
        payload=row["payload"],
        status=EventStatus(row["status"]),
        repeat_count=row["repeat_count"],
        created_at=row["created_at"],
        throttle_reason=None if throttle_reason is None else ThrottleReason(throttle_reason),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_via=row["acknowledged_via"],
        closed_at=row["closed_at"],
    )
