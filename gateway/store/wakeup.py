"""Waking the engine, by what the database offers: a notification on PostgreSQL, a named pipe beside SQLite's file."""

from gateway.ports.wakeup import Wakeup, WakeupListener
from gateway.store.engines import make_sqlite_file, parse_url, sqlite_file
from gateway.store.wakeup_fifo import FifoWakeup, FifoWakeupListener
from gateway.store.wakeup_postgresql import PostgresqlWakeup, PostgresqlWakeupListener


def make_wakeup(database_url: str) -> Wakeup:
    """Return the end of a writer of the record. Raises ``ValueError`` for an address of another database."""
    url = parse_url(database_url)
    file = sqlite_file(url)
    return PostgresqlWakeup(url) if file is None else FifoWakeup(file)


def make_wakeup_listener(database_url: str) -> WakeupListener:
    """Return the engine's end.

    Raises ``ValueError`` for an address of another database, ``RecordUnavailableError`` where the pipe cannot be made.
    """
    url = parse_url(database_url)
    file = sqlite_file(url)
    if file is None:
        return PostgresqlWakeupListener(url)
    make_sqlite_file(file)
    return FifoWakeupListener(file)
