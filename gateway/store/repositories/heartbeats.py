"""What the engines last said of themselves, in the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ports.heartbeats import Heartbeat, LinesState, TrunkState
from gateway.store.json_text import dump_object, load_object
from gateway.store.tables import heartbeats

_LINES = "lines"


class SqlHeartbeats:
    """``HeartbeatRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def beat(self, heartbeat: Heartbeat) -> None:
        """See the port."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        newest = {"at": heartbeat.at, "parts": dump_object(_as_json(heartbeat))}
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
                parts={name: str(word) for name, word in found.items() if name != _LINES},
                lines=_lines_of(found.get(_LINES)),
            )
            for row in rows
            for found in [load_object(row["parts"])]
        ]


def _as_json(heartbeat: Heartbeat) -> dict[str, Any]:
    """Return what an engine says, as it is stored: its lines stand among the parts, under a name that no part has."""
    if heartbeat.lines is None:
        return dict(heartbeat.parts)
    trunks = [asdict(one) | {"again_at": one.again_at and one.again_at.isoformat()} for one in heartbeat.lines.trunks]
    return {**heartbeat.parts, _LINES: {"waiting": heartbeat.lines.waiting, "trunks": trunks}}


def _lines_of(stored: Any) -> LinesState | None:
    """Return what is stored of the lines; what an engine of another version says more of a trunk is left out."""
    if not isinstance(stored, dict):
        return None
    known = {one.name for one in fields(TrunkState)}
    trunks = []
    for one in stored.get("trunks", ()):
        values = {name: value for name, value in one.items() if name in known}
        again_at = values.get("again_at")
        values["again_at"] = datetime.fromisoformat(again_at) if again_at else None
        trunks.append(TrunkState(**values))
    return LinesState(waiting=stored.get("waiting", 0), trunks=tuple(trunks))
