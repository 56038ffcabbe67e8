"""Acknowledgements and their links in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.acknowledgement import AcknowledgedVia, Acknowledgement
from gateway.ports.record import AckLink
from gateway.store.many import among
from gateway.store.tables import FIRST_ACKNOWLEDGEMENT, ack_links, acknowledgements

_ADD = insert(acknowledgements).inline()
_EARLIEST = (
    select(acknowledgements)
    .where(acknowledgements.c.event_id == bindparam("event_id"))
    .order_by(acknowledgements.c.id)
    .limit(1)
)
_FIRST = _EARLIEST.where(text(FIRST_ACKNOWLEDGEMENT))
_OF_CONTACT = _EARLIEST.where(acknowledgements.c.contact_id == bindparam("contact_id"))
_ADD_LINK = {
    "sqlite": sqlite.insert(ack_links).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(ack_links).on_conflict_do_nothing(),
}
_LINK = select(ack_links).where(ack_links.c.id == bindparam("link_id"))
_LINKS_OF_EVENT = select(ack_links).where(ack_links.c.event_id == bindparam("event_id"))
_LINKS_OF_EVENTS = select(ack_links).where(among(ack_links.c.event_id, "event_ids"))
_LINK_OF_CONTACT = _LINKS_OF_EVENT.where(ack_links.c.contact_id == bindparam("contact_id"))
_LINK_OF_OWNER = _LINKS_OF_EVENT.where(ack_links.c.contact_id.is_(None))


class SqlAcknowledgements:
    """``AcknowledgementRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, acknowledgement: Acknowledgement) -> None:
        """See the port. A second one that claims to be the first of its event is an ``IntegrityError``."""
        self._connection.execute(
            _ADD,
            {
                "event_id": acknowledgement.event_id,
                "contact_id": acknowledgement.contact_id,
                "acknowledged_by": acknowledgement.by,
                "via": acknowledgement.via.value,
                "acknowledged_at": acknowledgement.at,
                "is_first": acknowledgement.first,
            },
        )

    def first_of(self, event_id: int) -> Acknowledgement | None:
        """See the port."""
        return self._earliest(_FIRST, event_id=event_id)

    def of_contact(self, event_id: int, contact_id: int) -> Acknowledgement | None:
        """See the port. Of several, the earliest."""
        return self._earliest(_OF_CONTACT, event_id=event_id, contact_id=contact_id)

    def add_link(self, event_id: int, contact_id: int | None, expires_at: datetime) -> AckLink:
        """See the port. Of all who make it at once, one makes it and all get the same."""
        values = {"event_id": event_id, "contact_id": contact_id, "expires_at": expires_at}
        self._connection.execute(_ADD_LINK[self._connection.dialect.name], values)
        query = _LINK_OF_OWNER if contact_id is None else _LINK_OF_CONTACT
        return _link(self._connection.execute(query, {"event_id": event_id, "contact_id": contact_id}).mappings().one())

    def add_links(self, links: Sequence[tuple[int, int | None, datetime]]) -> Sequence[AckLink]:
        """See the port."""
        if len(links) <= 1:
            return [self.add_link(*link) for link in links]
        names = ("event_id", "contact_id", "expires_at")
        values = [dict(zip(names, link, strict=True)) for link in links]
        self._connection.execute(_ADD_LINK[self._connection.dialect.name], values)
        event_ids = sorted({event_id for event_id, _, _ in links})
        found = self._connection.execute(_LINKS_OF_EVENTS, {"event_ids": event_ids}).mappings()
        made = {(row["event_id"], row["contact_id"]): _link(row) for row in found}
        return [made[event_id, contact_id] for event_id, contact_id, _ in links]

    def owner_links(self, event_ids: Collection[int]) -> Mapping[int, AckLink]:
        """See the port."""
        rows = self._connection.execute(_LINKS_OF_EVENTS, {"event_ids": sorted(event_ids)}).mappings()
        return {row["event_id"]: _link(row) for row in rows if row["contact_id"] is None}

    def link(self, link_id: int) -> AckLink | None:
        """See the port."""
        row = self._connection.execute(_LINK, {"link_id": link_id}).mappings().one_or_none()
        return None if row is None else _link(row)

    def _earliest(self, query: Select[Any], **values: int) -> Acknowledgement | None:
        row = self._connection.execute(query, values).mappings().one_or_none()
        return None if row is None else _acknowledgement(row)


def _acknowledgement(row: RowMapping) -> Acknowledgement:
    return Acknowledgement(
        event_id=row["event_id"],
        contact_id=row["contact_id"],
        by=row["acknowledged_by"],
        via=AcknowledgedVia(row["via"]),
        at=row["acknowledged_at"],
        first=row["is_first"],
    )


def _link(row: RowMapping) -> AckLink:
    return AckLink(
        id=row["id"],
        event_id=row["event_id"],
        contact_id=row["contact_id"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
