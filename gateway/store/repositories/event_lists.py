"""Lists and counts of events in the database.

None of these reads the large columns (body, payload, snapshot), and all follow an index: a page costs the same with
a hundred thousand events as with a hundred.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, text

from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus, Severity
from gateway.ports.event_lists import EventFilter, EventRow, FailedMessages
from gateway.store.repositories.events import GRAVITY
from gateway.store.tables import OPEN_EVENT, attempts, chain_heads, events

_ROW = (
    events.c.id,
    events.c.license_id,
    events.c.source_id,
    events.c.title,
    events.c.severity,
    events.c.status,
    events.c.repeat_count,
    events.c.created_at,
    events.c.acknowledged_at,
    events.c.acknowledged_by,
    events.c.acknowledged_via,
    events.c.closed_at,
)

# So many tries are looked at for failures: those of some thousand alerts, in a few milliseconds.
_NEWEST_ATTEMPTS = 5000
_FAILED = (AttemptState.FAILED, AttemptState.UNAVAILABLE, AttemptState.UNKNOWN)


class SqlEventLists:
    """``EventListRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, wanted: EventFilter, *, before_id: int | None = None, limit: int = 50) -> Sequence[EventRow]:
        """See the port."""
        query = _of_licenses(select(*_ROW), wanted.license_ids).order_by(events.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(events.c.id < before_id)
        if wanted.status is EventStatus.OPEN:
            query = query.where(text(OPEN_EVENT))
        elif wanted.status is not None:
            query = query.where(events.c.status == wanted.status.value)
        if wanted.source_id is not None:
            query = query.where(events.c.source_id == wanted.source_id)
        if wanted.severity is not None:
            query = query.where(events.c.severity == wanted.severity.value)
        if wanted.since is not None:
            query = query.where(events.c.created_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(events.c.created_at < wanted.until)
        if wanted.text:
            query = query.where(events.c.title.icontains(wanted.text, autoescape=True))
        return [_row(row) for row in self._connection.execute(query).mappings()]

    def counts(self, license_ids: Collection[int] | None, since: datetime) -> Mapping[EventStatus, int]:
        """See the port. One index holds all of it; by the bare status SQLite would group in another's order instead."""
        status: ColumnElement[Any] = func.coalesce(events.c.status, "")
        query = _of_licenses(select(status, func.count()), license_ids)
        query = query.where(events.c.created_at >= since).group_by(status)
        return {EventStatus(name): count for name, count in self._connection.execute(query)}

    def open_ids(self, license_ids: Collection[int] | None, limit: int) -> Sequence[int]:
        """See the port."""
        query = _of_licenses(select(events.c.id).where(text(OPEN_EVENT)), license_ids)
        return self._connection.execute(query.order_by(GRAVITY, events.c.id).limit(limit)).scalars().all()

    def open_count(self, license_ids: Collection[int] | None) -> int:
        """See the port."""
        query = _of_licenses(select(func.count()).select_from(events).where(text(OPEN_EVENT)), license_ids)
        return int(self._connection.execute(query).scalar_one())

    def failed_messages(
        self, license_ids: Collection[int] | None, *, since: datetime, limit: int
    ) -> Sequence[FailedMessages]:
        """See the port. Ids ascend with time, so that a bounded end of the table is looked at, however long it is.

        That end is asked for by itself: PostgreSQL plans for a third of the table where it does not know the number.
        """
        newest = int(self._connection.execute(select(func.coalesce(func.max(attempts.c.id), 0))).scalar_one())
        last = func.max(attempts.c.event_id)
        query = _of_licenses(
            select(attempts.c.level, attempts.c.reason, func.count(), last)
            .join(events, events.c.id == attempts.c.event_id)
            .where(
                attempts.c.id > newest - _NEWEST_ATTEMPTS,
                attempts.c.began_at >= since,
                attempts.c.state.in_([state.value for state in _FAILED]),
                attempts.c.level != Level.CALL.value,
            )
            .group_by(attempts.c.level, attempts.c.reason)
            .order_by(last.desc())
            .limit(limit),
            license_ids,
        )
        return [
            FailedMessages(level=Level(level), reason=reason, count=count, event_id=event_id)
            for level, reason, count, event_id in self._connection.execute(query)
        ]

    def version(self, license_ids: Collection[int] | None) -> str:
        """See the port: every change is an entry on a timeline, and each license's chain has its last index."""
        query = select(chain_heads.c.license_id, chain_heads.c.last_index).order_by(chain_heads.c.license_id)
        if license_ids is not None:
            query = query.where(chain_heads.c.license_id.in_(sorted(license_ids)))
        heads = self._connection.execute(query).all()
        return hashlib.sha256(repr([tuple(head) for head in heads]).encode()).hexdigest()[:16]


def _of_licenses(query: Select[Any], license_ids: Collection[int] | None) -> Select[Any]:
    if license_ids is None:
        return query
    ids = sorted(license_ids)
    return query.where(events.c.license_id == ids[0] if len(ids) == 1 else events.c.license_id.in_(ids))


def _row(row: RowMapping) -> EventRow:
    return EventRow(
        id=row["id"],
        license_id=row["license_id"],
        source_id=row["source_id"],
        title=row["title"],
        severity=Severity(row["severity"]),
        status=EventStatus(row["status"]),
        repeat_count=row["repeat_count"],
        created_at=row["created_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_via=row["acknowledged_via"],
        closed_at=row["closed_at"],
    )
