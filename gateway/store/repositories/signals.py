"""Notes to the engine in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from gateway.ports.record import Signal, SignalKind
from gateway.store.many import among
from gateway.store.tables import signals

_ADD = insert(signals).inline()
_PENDING = select(signals).order_by(signals.c.id).limit(bindparam("most"))
_REMOVE = delete(signals).where(among(signals.c.id, "signal_ids"))


class SqlSignals:
    """``SignalRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, kind: SignalKind, event_id: int, call_id: str | None = None) -> None:
        """See the port."""
        self._connection.execute(_ADD, {"kind": kind.value, "event_id": event_id, "call_id": call_id})

    def pending(self, limit: int) -> Sequence[Signal]:
        """See the port.

        On PostgreSQL a note with a lower id may appear after one with a higher: they are removed one by one, never
        up to an id.
        """
        return [
            Signal(id=row["id"], kind=SignalKind(row["kind"]), event_id=row["event_id"], call_id=row["call_id"])
            for row in self._connection.execute(_PENDING, {"most": limit}).mappings()
        ]

    def remove(self, signal_ids: Collection[int]) -> None:
        """See the port."""
        if signal_ids:
            self._connection.execute(_REMOVE, {"signal_ids": list(signal_ids)})
