"""The schema's history on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from gateway.ports.record import RecordUnavailableError
from gateway.store import SchemaState, migrate, open_record, schema_state
from gateway.store.schema import newest_revision
from gateway.store.tables import metadata
from tests.databases import PostgresCluster
from tests.records import add_event, add_tenant, an_entry


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new%20dir/tocsin.db"
    postgres: PostgresCluster = request.getfixturevalue("postgres")
    return postgres.url(postgres.create_database())


def plain_engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def shape(url: str) -> dict[str, Any]:
    """Return all that the database tells of its tables, for comparison."""
    engine = plain_engine(url)
    inspector = inspect(engine)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(str(key) for key in inspector.get_foreign_keys(table)),
            "unique": sorted(str(unique) for unique in inspector.get_unique_constraints(table)),
            "checks": sorted(str(check) for check in inspector.get_check_constraints(table)),
            "indexes": sorted(
                f"{index | {'dialect_options': {key: str(option) for key, option in index['dialect_options'].items()}}}"
                for index in inspector.get_indexes(table)
            ),
        }
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def test_the_migrations_make_what_the_tables_say(empty_url: str) -> None:
    migrate(empty_url)
    with plain_engine(empty_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_the_same_constraints_as_the_tables(
    empty_url: str, postgres: PostgresCluster, tmp_path: Path
) -> None:
    migrate(empty_url)
    if empty_url.startswith("sqlite"):
        direct_url = f"sqlite:///{tmp_path}/direct.db"
    else:
        direct_url = postgres.url(postgres.create_database())
    metadata.create_all(plain_engine(direct_url))
    assert shape(empty_url) == shape(direct_url)


def test_an_empty_database_is_behind_and_a_migrated_one_is_current(empty_url: str) -> None:
    assert schema_state(empty_url) is SchemaState.BEHIND
    migrate(empty_url)
    assert schema_state(empty_url) is SchemaState.CURRENT
    migrate(empty_url)
    assert schema_state(empty_url) is SchemaState.CURRENT


def test_asking_for_the_state_makes_no_file(tmp_path: Path) -> None:
    assert schema_state(f"sqlite:///{tmp_path}/none.db") is SchemaState.BEHIND
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_a_newer_version_is_ahead(empty_url: str) -> None:
    migrate(empty_url)
    with plain_engine(empty_url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert schema_state(empty_url) is SchemaState.AHEAD


def test_a_database_out_of_reach_is_unreachable(tmp_path: Path) -> None:
    assert schema_state("postgresql+psycopg://nobody@127.0.0.1:1/none") is SchemaState.UNREACHABLE
    (tmp_path / "text.db").write_text("This is no database, however long it may be. " * 100)
    assert schema_state(f"sqlite:///{tmp_path}/text.db") is SchemaState.UNREACHABLE


def test_another_kind_of_database_is_refused() -> None:
    for url in ("mysql://localhost/x", "postgresql://localhost/x", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ValueError, match="must be sqlite"):
            open_record(url)


def test_two_processes_may_migrate_at_once(empty_url: str) -> None:
    start = threading.Barrier(6)

    def run() -> None:
        start.wait(60)
        migrate(empty_url)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(run) for _ in range(6)]:
            future.result()
    assert schema_state(empty_url) is SchemaState.CURRENT


def test_a_failed_migration_leaves_nothing_behind(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = alembic.command.upgrade

    def upgrade_and_fail(configuration: Config, revision: str) -> None:
        real(configuration, revision)
        raise KeyError("the power went")

    monkeypatch.setattr(alembic.command, "upgrade", upgrade_and_fail)
    with pytest.raises(KeyError):
        migrate(empty_url)
    monkeypatch.undo()
    assert inspect(plain_engine(empty_url)).get_table_names() == []
    migrate(empty_url)
    assert schema_state(empty_url) is SchemaState.CURRENT


def test_check_tells_to_migrate(empty_url: str) -> None:
    record = open_record(empty_url)
    with pytest.raises(RecordUnavailableError, match="tocsin migrate"):
        record.check()
    migrate(empty_url)
    record.check()
    record.close()


def test_the_timeline_refuses_changes_of_any_kind(database_url: str) -> None:
    record = open_record(database_url)
    tenant = add_tenant(record)
    event_id = add_event(record, tenant.new_event())
    with record.write() as work:
        work.timeline.append(an_entry(event_id))
        work.commit()
    record.close()
    engine = plain_engine(database_url)
    statements = ["UPDATE timeline SET type = 'resolved'", "DELETE FROM timeline"]
    if "postgresql" in database_url:
        statements.append("TRUNCATE timeline")
    for statement in statements:
        with engine.connect() as connection, pytest.raises(IntegrityError, match="append-only"):
            connection.execute(text(statement))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM timeline")).scalar_one() == 1


def test_a_new_sqlite_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/deep/down/tocsin.db")
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "deep" / "down").iterdir()}
    assert set(modes.values()) == {"0o600"}, modes


def test_the_newest_revision_has_a_number() -> None:
    assert newest_revision().isdigit()
