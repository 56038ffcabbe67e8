"""The timeline in the database.

Entries wait until the unit of work commits, and are chained and written then: the chain's head, which all writers of a
license take one after the other, is held from there to the commit alone, and locked after everything else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.chain import ChainHead, canonical_entry, extend, genesis
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.store.json_text import dump_object, load_object
from gateway.store.many import among, as_arrays, insert_in_order
from gateway.store.tables import chain_heads, events, timeline

# Nobody asks for the new entries' ids, so they are not fetched. A trigger moves the chain's head along.
_APPEND = insert(timeline).inline()
_COLUMNS = tuple(column.name for column in timeline.c if column.name != "id")
_APPEND_ALL = insert_in_order(timeline, _COLUMNS)
_OF_EVENT = select(timeline).where(timeline.c.event_id == bindparam("event_id")).order_by(timeline.c.id)
_HEADS = select(events.c.id, chain_heads).join(chain_heads, chain_heads.c.license_id == events.c.license_id)
_LOCK_HEAD = _HEADS.where(events.c.id == bindparam("event_id")).with_for_update(of=chain_heads, key_share=True)
# In the order of the licenses, so that two units of work that write for the same ones do not wait for each other.
_LOCK_HEADS = (
    _HEADS.where(among(events.c.id, "event_ids"))
    .order_by(chain_heads.c.license_id)
    .with_for_update(of=chain_heads, key_share=True)
)
_LICENSES = select(events.c.license_id).where(among(events.c.id, "event_ids")).distinct().order_by(events.c.license_id)
_BEGIN_CHAIN = {
    "sqlite": sqlite.insert(chain_heads).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(chain_heads).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: TimelineEntry
    detail: str
    canonical: str


class SqlTimeline:
    """``TimelineRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[_Waiting] = []
        self.written: list[TimelineEntry] = []

    def append(self, entry: TimelineEntry) -> None:
        """See the port. ``flush`` writes it."""
        self._waiting.append(_Waiting(entry, dump_object(entry.detail), canonical_entry(entry)))

    def flush(self) -> None:
        """Chain and write what was appended. Other writers of the license wait from here on: to be called last."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        licenses, heads = self._lock_heads({one.entry.event_id for one in waiting})
        rows = []
        for one in waiting:
            license_id = licenses[one.entry.event_id]
            head = heads[license_id] = extend(heads[license_id], one.canonical)
            rows.append(_row(one, head))
        if len(rows) == 1:
            self._connection.execute(_APPEND, rows[0])
        elif self._connection.dialect.name == "postgresql":
            self._connection.execute(_APPEND_ALL, as_arrays(_COLUMNS, rows))
        else:
            self._connection.execute(_APPEND, rows)
        self.written += [one.entry for one in waiting]

    def of_event(self, event_id: int) -> Sequence[TimelineEntry]:
        """See the port. Entries that are not written yet are the last ones, as they will be."""
        written = [_entry(row) for row in self._connection.execute(_OF_EVENT, {"event_id": event_id}).mappings()]
        return written + [one.entry for one in self._waiting if one.entry.event_id == event_id]

    def _lock_heads(self, event_ids: Collection[int]) -> tuple[dict[int, int], dict[int, ChainHead]]:
        """Return the license of each event and the head of each license, which are locked."""
        rows = self._held_heads(event_ids)
        if len(rows) < len(event_ids):
            # A license's first entry begins its chain.
            for license_id in self._connection.execute(_LICENSES, {"event_ids": list(event_ids)}).scalars().all():
                self._connection.execute(_BEGIN_CHAIN[self._connection.dialect.name], _head_row(genesis(license_id)))
            rows = self._held_heads(event_ids)
        licenses = {row["id"]: row["license_id"] for row in rows}
        if unknown := event_ids - licenses.keys():
            raise ValueError(f"a timeline entry belongs to an event that does not exist: {min(unknown)}")
        return licenses, {row["license_id"]: head_of(row) for row in rows}

    def _held_heads(self, event_ids: Collection[int]) -> Sequence[RowMapping]:
        if len(event_ids) == 1:
            # Nearly always; and quicker than a list of one.
            (event_id,) = event_ids
            return self._connection.execute(_LOCK_HEAD, {"event_id": event_id}).mappings().all()
        return self._connection.execute(_LOCK_HEADS, {"event_ids": sorted(event_ids)}).mappings().all()


def _row(waiting: _Waiting, place: ChainHead) -> dict[str, object]:
    entry = waiting.entry
    return {
        "event_id": entry.event_id,
        "at": entry.at,
        "type": entry.type.value,
        "contact_id": entry.contact_id,
        "channel": entry.channel,
        "detail": waiting.detail,
        "license_id": place.license_id,
        "chain_index": place.index,
        "entry_hash": place.hash,
    }


def _entry(row: RowMapping) -> TimelineEntry:
    return TimelineEntry(
        id=row["id"],
        event_id=row["event_id"],
        at=row["at"],
        type=TimelineType(row["type"]),
        contact_id=row["contact_id"],
        channel=row["channel"],
        detail=load_object(row["detail"]),
        chain_index=row["chain_index"],
        entry_hash=row["entry_hash"],
    )


def head_of(row: RowMapping) -> ChainHead:
    """Return a row of ``chain_heads`` as a value."""
    return ChainHead(license_id=row["license_id"], index=row["last_index"], hash=row["last_hash"])


def _head_row(head: ChainHead) -> dict[str, object]:
    return {"license_id": head.license_id, "last_index": head.index, "last_hash": head.hash}
