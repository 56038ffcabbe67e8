"""The database, as commands open it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway.app.cli.invocation import CommandFailedError, Invocation
from gateway.config.schema import Config
from gateway.store import SchemaState, SqlRecord, migrate, open_record, schema_state

_SQLITE = "sqlite:///"


@contextmanager
def open_database(invocation: Invocation, config: Config) -> Iterator[SqlRecord]:
    """Open the record for a command, whose schema is known to be right, and close it afterwards.

    A SQLite database that is new or was never migrated is migrated first, so that the first command
    works; any other that is behind is left to a person. Raises ``CommandFailedError``.
    """
    state = schema_state(config.database_url)
    if state is SchemaState.BEHIND and is_new_sqlite(config):
        migrate(config.database_url)
        invocation.say(f"made a new database: {config.database_url.removeprefix(_SQLITE)}")
    if state is SchemaState.BEHIND:
        # Another command may have made it in this very moment.
        state = schema_state(config.database_url)
    require_current(state)
    record = open_record(config.database_url, pool_size=1)
    try:
        yield record
    finally:
        record.close()


def require_current(state: SchemaState) -> None:
    """Raise ``CommandFailedError`` where the schema does not fit this version of the program."""
    if state is not SchemaState.CURRENT:
        raise CommandFailedError(schema_advice(state), code=f"schema_{state.value}")


def schema_advice(state: SchemaState) -> str:
    """Return what to do about a schema that is not current."""
    return {
        SchemaState.BEHIND: "the database schema is not up to date: run tocsin migrate",
        SchemaState.AHEAD: "a newer version of tocsin has migrated this database: install that version here too",
        SchemaState.UNREACHABLE: "the database is out of reach: check database_url, and that its server runs",
    }.get(state, "the database schema is current")


def is_new_sqlite(config: Config) -> bool:
    """Return whether the database is a SQLite file that is absent or holds no table."""
    if not config.database_url.startswith(_SQLITE):
        return False
    file = Path(config.database_url.removeprefix(_SQLITE).partition("?")[0]).absolute()
    if not file.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        return False
    return bool(tables == 0)
