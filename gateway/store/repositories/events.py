"""Events in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, case, func, insert, select, text, update

from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.event import Event, EventStatus, Severity, ThrottleReason
from gateway.ports.record import EscalationRecord, NewEvent
from gateway.store.json_text import dump_snapshot, load_snapshot
from gateway.store.many import among
from gateway.store.repositories.attempts import SqlAttempts
from gateway.store.tables import ACCEPTED_EVENT, OPEN_EVENT, UNFINISHED_EVENT, events

# All but the snapshot, which is large and needed by ``escalation`` alone.
_EVENT = [column for column in events.c if column is not events.c.snapshot]

_ADD = insert(events).returning(events.c.id)
_ID = events.c.id == bindparam("which")
_OF_KEY = (events.c.source_id == bindparam("source_id"), events.c.dedup_key == bindparam("dedup_key"))
_NEWEST = select(*_EVENT).order_by(events.c.created_at.desc(), events.c.id.desc()).limit(1)
_GET = select(*_EVENT).where(_ID)
_LOCK = select(events.c.status).where(_ID).with_for_update(key_share=True)
_ESCALATION = select(events).where(_ID, events.c.snapshot.is_not(None))
_ESCALATIONS = (
    select(events).where(among(events.c.id, "event_ids"), events.c.snapshot.is_not(None)).order_by(events.c.id)
)
_HELD_ESCALATIONS = _ESCALATIONS.with_for_update(key_share=True)
_DUPLICATE = _NEWEST.where(
    *_OF_KEY, events.c.created_at >= bindparam("since"), events.c.status != EventStatus.RESOLVED.value
)
_OPEN_OF_KEY = _NEWEST.where(*_OF_KEY, text(OPEN_EVENT))
_COUNT_REPEAT = update(events).where(_ID).values(repeat_count=events.c.repeat_count + 1)
_COUNT_ACCEPTED = select(func.count()).where(
    events.c.license_id == bindparam("license_id"), events.c.created_at >= bindparam("since"), text(ACCEPTED_EVENT)
)
_CLOSE = update(events).where(_ID, events.c.status.in_(bindparam("from_statuses", expanding=True)))
_IDS = select(events.c.id).order_by(events.c.id)
_OPEN_IDS = _IDS.where(text(OPEN_EVENT))
GRAVITY = case({Severity.CRITICAL.value: 0, Severity.WARN.value: 1}, value=events.c.severity, else_=2)
_UNFINISHED_IDS = select(events.c.id).where(text(UNFINISHED_EVENT)).order_by(GRAVITY, events.c.id)
_FINISH = update(events).where(among(events.c.id, "event_ids"), events.c.status != EventStatus.OPEN.value)


class SqlEvents:
    """``EventRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: NewEvent) -> int:
        """See the port. An event that does not open has nothing left to do from the start."""
        closed_at = None if event.status is EventStatus.OPEN else event.created_at
        event_id: int = self._connection.execute(
            _ADD,
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
        return self._first(_GET, which=event_id)

    def lock(self, event_id: int) -> EventStatus | None:
        """See the port.

        NO KEY: what points at the event can be inserted meanwhile. SQLite leaves the clause out: a transaction that
        writes is alone there.
        """
        status = self._connection.execute(_LOCK, {"which": event_id}).scalar_one_or_none()
        return None if status is None else EventStatus(status)

    def escalation(self, event_id: int) -> EscalationRecord | None:
        """See the port."""
        row = self._connection.execute(_ESCALATION, {"which": event_id}).mappings().one_or_none()
        if row is None:
            return None
        history = SqlAttempts(self._connection, holds=False).of_event(event_id)
        return EscalationRecord(event=_event(row), snapshot=load_snapshot(row["snapshot"]), history=tuple(history))

    def escalations(self, event_ids: Collection[int], *, hold: bool = False) -> Sequence[EscalationRecord]:
        """See the port. What was locked in the order of the ids cannot wait for another who locks in that order."""
        if not event_ids:
            return ()
        query = _HELD_ESCALATIONS if hold else _ESCALATIONS
        rows = self._connection.execute(query, {"event_ids": sorted(event_ids)}).mappings().all()
        histories = SqlAttempts(self._connection, holds=False).of_events([row["id"] for row in rows])
        return [
            EscalationRecord(
                event=_event(row),
                snapshot=load_snapshot(row["snapshot"]),
                history=tuple(histories.get(row["id"], ())),
            )
            for row in rows
        ]

    def find_duplicate(self, source_id: int, dedup_key: str, since: datetime) -> Event | None:
        """See the port."""
        return self._first(_DUPLICATE, source_id=source_id, dedup_key=dedup_key, since=since)

    def find_open(self, source_id: int, dedup_key: str) -> Event | None:
        """See the port."""
        return self._first(_OPEN_OF_KEY, source_id=source_id, dedup_key=dedup_key)

    def count_repeat(self, event_id: int) -> None:
        """See the port."""
        self._connection.execute(_COUNT_REPEAT, {"which": event_id})

    def count_accepted(self, license_id: int, since: datetime) -> int:
        """See the port."""
        return self._connection.execute(_COUNT_ACCEPTED, {"license_id": license_id, "since": since}).scalar_one()

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
        from_values = [from_.value for from_ in from_statuses]
        moved = self._connection.execute(_CLOSE, {"which": event_id, "from_statuses": from_values, **values})
        return moved.rowcount == 1

    def open_ids(self) -> Sequence[int]:
        """See the port."""
        return self._connection.execute(_OPEN_IDS).scalars().all()

    def unfinished_ids(self) -> Sequence[int]:
        """See the port."""
        return self._connection.execute(_UNFINISHED_IDS).scalars().all()

    def finish(self, event_ids: Collection[int], at: datetime) -> None:
        """See the port. An open event stays unfinished."""
        if event_ids:
            self._connection.execute(_FINISH, {"event_ids": list(event_ids), "finished_at": at})

    def list(self, *, status: EventStatus | None, license_id: int | None, limit: int) -> Sequence[Event]:
        """See the port."""
        query = select(*_EVENT).order_by(events.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(events.c.status == status.value)
        if license_id is not None:
            query = query.where(events.c.license_id == license_id)
        return [_event(row) for row in self._connection.execute(query).mappings()]

    def _first(self, query: Select[Any], **values: object) -> Event | None:
        row = self._connection.execute(query, values).mappings().one_or_none()
        return None if row is None else _event(row)


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
