"""The database's schema: bringing it up to date, and telling whether it is."""

from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from gateway.ports.record import RecordUnavailableError
from gateway.store.engines import (
    make_sqlite_file,
    parse_url,
    postgresql_engine,
    sqlite_engine,
    sqlite_file,
    transaction,
)
from gateway.store.write_gate import WriteGate

log = structlog.get_logger(__name__)

# How long one process waits for another that is migrating.
_TURN_TIMEOUT = timedelta(minutes=5)
# Any number will do that no other program takes in the same PostgreSQL database.
_MIGRATION_LOCK = 0x746F6373_00000001


class SchemaState(StrEnum):
    """How the database's schema stands to this version of the program."""

    CURRENT = "current"
    BEHIND = "behind"  # `tocsin migrate` has to be run; so too for an empty database
    AHEAD = "ahead"  # a newer version has migrated it
    UNREACHABLE = "unreachable"


def migrate(database_url: str) -> None:
    """Bring the schema up to date, in one transaction; of several processes at once, one does it and all wait.

    Raises ``RecordUnavailableError``, and ``ValueError`` for an address of another database.
    """
    url = parse_url(database_url)
    file = sqlite_file(url)
    gate = None
    if file is None:
        engine = postgresql_engine(url, pool_size=1, statement_timeout=timedelta(0), lock_timeout=_TURN_TIMEOUT)
    else:
        make_sqlite_file(file)
        gate = WriteGate(file, timeout=_TURN_TIMEOUT)
        # SQLite changes a table by copying it, during which other tables' references point nowhere.
        engine = sqlite_engine(file, pool_size=1, foreign_keys=False)
    try:
        with transaction(engine, gate) as connection:
            if file is None:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            before = recorded_revision(connection)
            if before != newest_revision():
                _upgrade(connection)
                connection.commit()
                log.info("schema_migrated", before=before, after=newest_revision())
    finally:
        engine.dispose()
        if gate is not None:
            gate.close()


def schema_state(database_url: str) -> SchemaState:
    """Return how the schema stands. Makes nothing, changes nothing, raises nothing for a database out of reach."""
    url = parse_url(database_url)
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return SchemaState.BEHIND
    engine = postgresql_engine(url, pool_size=1) if file is None else sqlite_engine(file, pool_size=1, query_only=True)
    try:
        with transaction(engine) as connection:
            return state_of(connection)
    except RecordUnavailableError as error:
        log.warning("database_unreachable", reason=str(error))
        return SchemaState.UNREACHABLE
    finally:
        engine.dispose()


def state_of(connection: Connection) -> SchemaState:
    """Return how the schema of a connected database stands."""
    recorded = recorded_revision(connection)
    if recorded == newest_revision():
        return SchemaState.CURRENT
    return SchemaState.BEHIND if recorded is None or recorded in _known_revisions() else SchemaState.AHEAD


def recorded_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at; ``None`` for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision


@cache
def newest_revision() -> str:
    """Return the revision that this version of the program needs."""
    revision = ScriptDirectory.from_config(_configuration()).get_current_head()
    assert revision is not None
    return revision


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions())


def _upgrade(connection: Connection) -> None:
    configuration = _configuration()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise RuntimeError("the migration left references that point nowhere; it was undone")


def _configuration() -> Config:
    configuration = Config()
    # The configuration expands percent signs.
    configuration.set_main_option("script_location", str(files("gateway.store") / "migrations").replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    return configuration
