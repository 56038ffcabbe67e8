"""The database as the ``Record`` port."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.pool import Pool

from gateway.ports.fast_intake import FastIntakeRecord
from gateway.ports.record import CommitObserver, RecordUnavailableError
from gateway.store import after_fork
from gateway.store.engines import (
    BUSY_TIMEOUT,
    make_sqlite_file,
    parse_url,
    postgresql_engine,
    reading,
    sqlite_engine,
    sqlite_file,
    transaction,
)
from gateway.store.errors import unavailable_when_unreachable
from gateway.store.fast_intake_postgresql import PostgresqlFastIntake
from gateway.store.fast_intake_sqlite import SqliteFastIntake
from gateway.store.schema import SchemaState, state_of
from gateway.store.unit_of_work import SqlUnitOfWork
from gateway.store.write_gate import WriteGate

# With less than this left on SQLite's disk, the next alert could be the one that does not fit.
_LEAST_FREE_BYTES = 8 * 1024 * 1024


def open_record(database_url: str, *, pool_size: int = 10, observer: CommitObserver | None = None) -> "SqlRecord":
    """Return the record in that database; connections are made when they are needed.

    ``pool_size`` bounds the connections of this process; ``observer`` is told of what is committed. SQLite's file is
    made where absent. Raises ``ValueError`` for an address of another database, ``RecordUnavailableError`` where
    SQLite's directory is out of reach.
    """
    return SqlRecord(database_url, pool_size=pool_size, observer=observer)


class SqlRecord:
    """``Record`` on SQLite or PostgreSQL. A forked child connects anew."""

    def __init__(self, database_url: str, *, pool_size: int, observer: CommitObserver | None = None) -> None:
        self._url = url = parse_url(database_url)
        self._observer = observer
        self._inherited: list[Pool] = []
        self._file: Path | None = sqlite_file(url)
        self._gate: WriteGate | None = None
        self._fast_intake: PostgresqlFastIntake | SqliteFastIntake | None = None
        self._writing: Engine
        self._reading: Engine
        if self._file is None:
            self._writing = postgresql_engine(url, pool_size=pool_size)
            self._reading = reading(self._writing)
        else:
            make_sqlite_file(self._file)
            self._gate = WriteGate(self._file, timeout=BUSY_TIMEOUT)
            self._writing = sqlite_engine(self._file, pool_size=1)
            self._reading = sqlite_engine(self._file, pool_size=pool_size, query_only=True)
        after_fork.in_child(self._forget)

    @contextmanager
    def write(self) -> Iterator[SqlUnitOfWork]:
        """See the port."""
        began = time.monotonic()
        with transaction(self._writing, self._gate) as connection:
            work = SqlUnitOfWork(connection, writes=True)
            yield work
        if self._observer is not None and (news := work.news()) is not None:
            self._observer.committed(*news, time.monotonic() - began)

    @contextmanager
    def read(self) -> Iterator[SqlUnitOfWork]:
        """See the port."""
        with transaction(self._reading) as connection:
            yield SqlUnitOfWork(connection, writes=False)
            # After a rollback psycopg forgets the statements that it has prepared. What was read is read: should the
            # server be lost just now, that is the next transaction's trouble.
            with suppress(RecordUnavailableError):
                connection.commit()

    def fast_intake(self) -> FastIntakeRecord:
        """Return the way in for plain events. It is closed with the record."""
        if self._fast_intake is None and self._file is not None:
            assert self._gate is not None
            self._fast_intake = SqliteFastIntake(
                self._file, reading=self._reading, gate=self._gate, observer=self._observer
            )
        if self._fast_intake is None:
            self._fast_intake = PostgresqlFastIntake(self._url, reading=self._reading, observer=self._observer)
        return self._fast_intake

    def check(self) -> None:
        """See the port. A schema that was not migrated, a standby, a disk that is all but full: unavailable too."""
        with transaction(self._writing, self._gate) as connection:
            if state_of(connection) is SchemaState.BEHIND:
                raise RecordUnavailableError("the database schema is not up to date: run `tocsin migrate`")
            if self._file is None:
                _refuse_standby(connection)
            else:
                _refuse_full_disk(self._file)
                # What SQLite cannot write it says only as the transaction is committed.
                connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
                connection.commit()

    def close(self) -> None:
        """Close all connections. The record may be used again, and opens new ones."""
        self._writing.dispose()
        self._reading.dispose()
        if self._fast_intake is not None:
            self._fast_intake.close()
        if self._gate is not None:
            self._gate.close()

    def _forget(self) -> None:
        # The parent's connections are kept, unused: to close one would say goodbye to the server in the parent's name,
        # and SQLite warns of any use of an inherited one.
        for engine in (self._writing, self._reading):
            self._inherited.append(engine.pool)
            engine.dispose(close=False)


def _refuse_standby(connection: Connection) -> None:
    if connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
        raise RecordUnavailableError("the database server is a standby: nothing can be written there")


def _refuse_full_disk(file: Path) -> None:
    with unavailable_when_unreachable():
        disk = os.statvfs(file.parent)
    if disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES:
        raise RecordUnavailableError(f"the disk that holds {file} is full")
