"""How the database is connected to: SQLAlchemy engines for both databases."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import QueuePool

from gateway.store.errors import translate_errors, unavailable_when_unreachable
from gateway.store.idle_connections import check_before_use
from gateway.store.write_gate import WriteGate

BUSY_TIMEOUT = timedelta(seconds=5)
CONNECT_TIMEOUT = timedelta(seconds=5)
STATEMENT_TIMEOUT = timedelta(seconds=10)

_READING, _WRITING = "tocsin_reading", "tocsin_writing"


class _Reading(SQLiteDialect_pysqlite):
    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        dbapi_connection.execute("BEGIN")


class _Writing(SQLiteDialect_pysqlite):
    supports_statement_cache = True

    def do_begin(self, dbapi_connection: Any) -> None:
        # A transaction that reads first and writes then fails when another has written in between.
        dbapi_connection.execute("BEGIN IMMEDIATE")


registry.register(f"sqlite.{_READING}", __name__, _Reading.__name__)
registry.register(f"sqlite.{_WRITING}", __name__, _Writing.__name__)


def parse_url(database_url: str) -> URL:
    """Return the parsed address of the database, SQLite's path made absolute. Raises ``ValueError``."""
    url = make_url(database_url)
    if url.drivername == "sqlite" and url.database not in {None, "", ":memory:"}:
        return url.set(database=str(Path(str(url.database)).absolute()))
    if url.drivername == "postgresql+psycopg":
        return url
    raise ValueError("the database must be sqlite:///<file> or postgresql+psycopg://<user>@<host>/<database>")


def sqlite_file(url: URL) -> Path | None:
    """Return the path of the database file; ``None`` for PostgreSQL."""
    return Path(url.database) if url.drivername == "sqlite" and url.database else None


def make_sqlite_file(path: Path) -> None:
    """Make the file and its directory where absent, for the owner's eyes alone. Raises ``RecordUnavailableError``."""
    with unavailable_when_unreachable():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def sqlite_engine(path: Path, *, pool_size: int, query_only: bool = False, foreign_keys: bool = True) -> Engine:
    """Return an engine for a SQLite file. WAL and ``synchronous=FULL``: a commit that returned survives a power cut."""
    engine = create_engine(
        URL.create(f"sqlite+{_READING if query_only else _WRITING}", database=str(path)),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT.total_seconds(),
        connect_args={"timeout": BUSY_TIMEOUT.total_seconds(), "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        # The driver would begin transactions by itself, and too late.
        connection.isolation_level = None
        prepare_sqlite(connection, foreign_keys=foreign_keys)
        connection.execute(f"PRAGMA query_only = {'ON' if query_only else 'OFF'}")

    translate_errors(engine)
    return engine


def prepare_sqlite(connection: sqlite3.Connection, *, foreign_keys: bool = True) -> None:
    """Set what every connection to SQLite needs."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")


def postgresql_engine(
    url: URL,
    *,
    pool_size: int,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
    lock_timeout: timedelta = BUSY_TIMEOUT,
) -> Engine:
    """Return an engine for a PostgreSQL database. Whatever hangs, ends: connecting, a statement, a lost network.

    A timeout of zero is none.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT.total_seconds(),
        isolation_level="READ COMMITTED",
        connect_args=postgresql_connect_arguments(url),
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            prepare_session(cursor, statement_timeout=statement_timeout, lock_timeout=lock_timeout)
        connection.commit()

    check_before_use(engine)
    translate_errors(engine)
    return engine


def prepare_session(
    cursor: Any, *, statement_timeout: timedelta = STATEMENT_TIMEOUT, lock_timeout: timedelta = BUSY_TIMEOUT
) -> None:
    """Set what every connection to PostgreSQL needs that writes."""
    cursor.execute(
        "SELECT set_config('TimeZone', 'UTC', false),"
        " set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false),"
        " set_config('idle_in_transaction_session_timeout', '60s', false),"
        # A server may be told to answer before a commit is on disk; an accepted alert must be.
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
        " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)",
        (f"{_milliseconds(statement_timeout)}ms", f"{_milliseconds(lock_timeout)}ms"),
    )


def reading(engine: Engine) -> Engine:
    """Return the same PostgreSQL engine for transactions that only read, all of it as it was at one moment."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def transaction(engine: Engine, gate: WriteGate | None = None) -> Iterator[Connection]:
    """Begin a transaction, behind the gate where there is one; it is rolled back unless committed.

    Raises ``RecordUnavailableError``.
    """
    with ExitStack() as stack:
        with unavailable_when_unreachable():
            if gate is not None:
                gate.acquire()
                stack.callback(gate.release)
            connection = stack.enter_context(engine.connect())
            connection.begin()
        yield connection


def postgresql_connect_arguments(url: URL) -> dict[str, Any]:
    """Return libpq's settings that find a dead server or network; what the address itself says comes first."""
    settings: dict[str, Any] = {
        "connect_timeout": int(CONNECT_TIMEOUT.total_seconds()),
        "application_name": "tocsin",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
    }
    return {name: value for name, value in settings.items() if name not in url.query}


def _milliseconds(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
