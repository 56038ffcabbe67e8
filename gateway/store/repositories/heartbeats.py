"""What the engines last said of themselves, in the database."""

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ports.record import Heartbeat
from gateway.store.json_text import dump_object, load_object
from gateway.store.tables import heartbeats


class SqlHeartbeats:
    """``HeartbeatRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def beat(self, heartbeat: Heartbeat) -> None:
        """See the port."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        newest = {"at": heartbeat.at, "parts": dump_object(heartbeat.parts)}
        self._connection.execute(
            dialect.insert(heartbeats)
            .values(engine=heartbeat.engine, **newest)
            .on_conflict_do_update(index_elements=["engine"], set_=newest)
        )

    def latest(self) -> Sequence[Heartbeat]:
        """See the port."""
        rows = self._connection.execute(select(heartbeats).order_by(heartbeats.c.engine)).mappings()
        return [
            Heartbeat(
                engine=row["engine"],
                at=row["at"],
                parts={name: str(word) for name, word in load_object(row["parts"]).items()},
            )
            for row in rows
        ]
