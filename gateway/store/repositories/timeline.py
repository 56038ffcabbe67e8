"""The timeline in the database."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, insert, select

from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.store.json_text import dump_object, load_object
from gateway.store.tables import timeline


class SqlTimeline:
    """``TimelineRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: TimelineEntry) -> None:
        """See the port."""
        self._connection.execute(
            insert(timeline),
            {
                "event_id": entry.event_id,
                "at": entry.at,
                "type": entry.type.value,
                "contact_id": entry.contact_id,
                "channel": entry.channel,
                "detail": dump_object(entry.detail),
            },
        )

    def of_event(self, event_id: int) -> Sequence[TimelineEntry]:
        """See the port."""
        query = select(timeline).where(timeline.c.event_id == event_id).order_by(timeline.c.id)
        return [_entry(row) for row in self._connection.execute(query).mappings()]


def _entry(row: RowMapping) -> TimelineEntry:
    return TimelineEntry(
        id=row["id"],
        event_id=row["event_id"],
        at=row["at"],
        type=TimelineType(row["type"]),
        contact_id=row["contact_id"],
        channel=row["channel"],
        detail=load_object(row["detail"]),
    )
