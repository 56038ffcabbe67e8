"""Messages that people sent, in the database."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ports.inbound import InboundMessage
from gateway.store.tables import inbound_messages

_GET = select(inbound_messages).where(
    inbound_messages.c.provider == bindparam("provider"), inbound_messages.c.provider_id == bindparam("provider_id")
)
_ID = inbound_messages.c.provider_id
_ADD = {
    "sqlite": sqlite.insert(inbound_messages).on_conflict_do_nothing().returning(_ID),
    "postgresql": postgresql.insert(inbound_messages).on_conflict_do_nothing().returning(_ID),
}
_FORGET = delete(inbound_messages).where(inbound_messages.c.at < bindparam("before"))


class SqlInbound:
    """``InboundRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, provider: str, provider_id: str) -> InboundMessage | None:
        """See the port."""
        found = self._connection.execute(_GET, {"provider": provider, "provider_id": provider_id})
        row = found.mappings().one_or_none()
        return None if row is None else InboundMessage(**row)

    def add(self, message: InboundMessage) -> bool:
        """See the port."""
        values = {
            "provider": message.provider,
            "provider_id": message.provider_id,
            "at": message.at,
            "event_id": message.event_id,
            "contact_id": message.contact_id,
            "acknowledges": message.acknowledges,
        }
        return self._connection.execute(_ADD[self._connection.dialect.name], values).first() is not None

    def forget(self, before: datetime) -> None:
        """See the port."""
        self._connection.execute(_FORGET, {"before": before})
