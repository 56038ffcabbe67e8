"""What the record proves: the chains as they stand, and whatever is told of an event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, func, select, tuple_, type_coerce
from sqlalchemy.types import NullType

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.model.chain import ChainedEntry, ChainHead, canonical_text, microseconds
from gateway.store.json_text import load_object
from gateway.store.repositories.timeline import head_of
from gateway.store.tables import acknowledgements, chain_heads, events, timeline

_OF_LICENSE = timeline.c.license_id == bindparam("license_id")
_HEAD = select(chain_heads).where(chain_heads.c.license_id == bindparam("license_id"))
_LENGTH = select(func.max(timeline.c.chain_index)).where(_OF_LICENSE)
# An intruder may have left anything where a time should stand, and one index twice.
_CHAIN = (
    select(
        *(column for column in timeline.c if column is not timeline.c.at),
        type_coerce(timeline.c.at, NullType()).label("at"),
    )
    .where(
        _OF_LICENSE,
        timeline.c.chain_index >= bindparam("chain_index"),
        tuple_(timeline.c.chain_index, timeline.c.id) > tuple_(bindparam("chain_index"), bindparam("entry_id")),
    )
    .order_by(timeline.c.chain_index, timeline.c.id)
    .limit(bindparam("at_most"))
)
_BEFORE_ALL = -(2**63)
_OF_EVENT = (
    select(acknowledgements).where(acknowledgements.c.event_id == bindparam("event_id")).order_by(acknowledgements.c.id)
)
_EVENT_IDS = (
    select(events.c.id)
    .where(events.c.license_id == bindparam("license_id"), events.c.id > bindparam("after"))
    .order_by(events.c.id)
    .limit(bindparam("at_most"))
)


class SqlEvidence:
    """``EvidenceRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chain(self, license_id: int, *, after: ChainedEntry | None, limit: int) -> Sequence[ChainedEntry]:
        """See the port."""
        index, entry_id = (_BEFORE_ALL, _BEFORE_ALL) if after is None else (after.index, after.entry_id)
        values = {"license_id": license_id, "chain_index": index, "entry_id": entry_id, "at_most": limit}
        return [_chained(row) for row in self._connection.execute(_CHAIN, values).mappings()]

    def chain_head(self, license_id: int) -> ChainHead | None:
        """See the port."""
        row = self._connection.execute(_HEAD, {"license_id": license_id}).mappings().one_or_none()
        return None if row is None else head_of(row)

    def chain_length(self, license_id: int) -> int:
        """See the port."""
        length: int | None = self._connection.execute(_LENGTH, {"license_id": license_id}).scalar_one()
        return length or 0

    def event_ids(
        self, license_id: int, *, since: datetime | None, until: datetime | None, after: int, limit: int
    ) -> Sequence[int]:
        """See the port."""
        query = _EVENT_IDS
        if since is not None:
            query = query.where(events.c.created_at >= since)
        if until is not None:
            query = query.where(events.c.created_at < until)
        values = {"license_id": license_id, "after": after, "at_most": limit}
        return self._connection.execute(query, values).scalars().all()

    def acknowledgements(self, event_id: int) -> Sequence[Acknowledgement]:
        """See the port."""
        rows = self._connection.execute(_OF_EVENT, {"event_id": event_id}).mappings()
        return [
            Acknowledgement(
                event_id=row["event_id"],
                contact_id=row["contact_id"],
                by=row["acknowledged_by"],
                via=AcknowledgedVia(row["via"]),
                at=row["acknowledged_at"],
                first=row["is_first"],
            )
            for row in rows
        ]


def _chained(row: RowMapping) -> ChainedEntry:
    return ChainedEntry(
        license_id=row["license_id"],
        index=row["chain_index"],
        hash=row["entry_hash"],
        canonical=_canonical(row),
        event_id=row["event_id"],
        entry_id=row["id"],
    )


def _canonical(row: RowMapping) -> str:
    at = row["at"]
    try:
        return canonical_text(
            event_id=row["event_id"],
            at=microseconds(at) if isinstance(at, datetime) else at,
            kind=row["type"],
            contact_id=row["contact_id"],
            channel=row["channel"],
            detail=load_object(row["detail"]),
        )
    except (TypeError, ValueError, RecursionError):
        # Nothing that the gateway has written.
        return ""
