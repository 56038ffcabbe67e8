"""Somebody who owns the database and changes what the gateway has recorded."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from gateway.model.chain import Tampering
from gateway.model.timeline import TimelineEntry, TimelineType
from gateway.ports.record import Record
from gateway.services.evidence import verify
from tests.records import an_entry


@contextmanager
def intrude(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in disarming(connection):
            connection.execute(text(statement))
    with engine.connect() as connection:
        yield connection


def disarming(connection: Connection) -> list[str]:
    if connection.dialect.name == "postgresql":
        return [
            "DROP TRIGGER timeline_refuses_changes ON timeline",
            "DROP TRIGGER timeline_moves_chain_head ON timeline",
            "ALTER TABLE timeline DROP CONSTRAINT uq_timeline_license_id_chain_index",
        ]
    return [
        "DROP TRIGGER timeline_refuses_update",
        "DROP TRIGGER timeline_refuses_delete",
        "DROP TRIGGER timeline_moves_chain_head",
        # SQLite drops a constraint only with its table.
        "CREATE TABLE loose AS SELECT * FROM timeline",
        "DROP TABLE timeline",
        "ALTER TABLE loose RENAME TO timeline",
    ]


def append(record: Record, event_id: int, **detail: object) -> None:
    write(record, an_entry(event_id, TimelineType.ENGINE_FAULT, **detail))


def write(record: Record, entry: TimelineEntry) -> None:
    with record.write() as work:
        work.timeline.append(entry)
        work.commit()


def run(intruder: Connection, *statements: str) -> None:
    for statement in statements:
        intruder.execute(text(statement))
    intruder.commit()


def found(record: Record, license_id: int) -> tuple[Tampering, int] | None:
    broken = verify(record, license_id).broken
    return None if broken is None else (broken.kind, broken.index)
