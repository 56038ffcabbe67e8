"""The chain over the entries of earlier versions."""

import json
from dataclasses import replace

import alembic.command
import pytest
from alembic.config import Config
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from gateway.model.chain import canonical_entry, extend, genesis
from gateway.services.evidence import verify
from gateway.store import SqlRecord, migrate, open_record
from gateway.store import schema as store_schema
from tests.databases import PostgresCluster
from tests.integration.intruder import append
from tests.records import NOW


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('old')}/old.db"
    postgres: PostgresCluster = request.getfixturevalue("postgres")
    return postgres.url(postgres.create_database())


def upgraded_to(url: str, revision: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        configuration: Config = store_schema._configuration()
        configuration.attributes["connection"] = connection
        alembic.command.upgrade(configuration, revision)
    return engine


def test_the_entries_of_an_earlier_version_are_chained(empty_url: str) -> None:
    engine = upgraded_to(empty_url, "0001")
    at = "TIMESTAMPTZ '2026-03-29 00:59:59.123456+00'" if engine.dialect.name == "postgresql" else "1774745999123456"
    true = "true" if engine.dialect.name == "postgresql" else "1"
    license_ = f"'L', {true}, 'pro', 'UTC', 'en', '{{}}', {at}"
    licenses = "INSERT INTO licenses (name, active, tier, time_zone, language, policy, created_at)"
    sources = "INSERT INTO alert_sources (license_id, kind, name, severity, enabled, token_hash, created_at)"
    events = (
        "INSERT INTO events (license_id, source_id, title, body, severity, dedup_key, payload, status, repeat_count,"
        " created_at)"
    )
    with engine.begin() as connection:
        for number in (1, 2):
            connection.execute(text(f"{licenses} VALUES ({license_})"))
            source = f"{number}, 'webhook', 'S', 'warn', {true}, :hash, {at}"
            connection.execute(text(f"{sources} VALUES ({source})"), {"hash": bytes([number])})
            event = f"{number}, {number}, 'T', '', 'warn', 'k', '{{}}', 'open', 0, {at}"
            connection.execute(text(f"{events} VALUES ({event})"))
        connection.execute(
            text(f"INSERT INTO timeline (event_id, at, type, detail) VALUES (:event, {at}, 'accepted', :detail)"),
            [{"event": 1 + number % 2, "detail": json.dumps({"n": number})} for number in range(2500)],
        )
    migrate(empty_url)
    record: SqlRecord = open_record(empty_url)
    for license_id in (1, 2):
        append(record, license_id, n="new")
        verified = verify(record, license_id)
        assert verified.holds, verified.broken
        assert verified.head.index == 1251
    with record.read() as work:
        entries = work.timeline.of_event(1)
    assert [entry.detail["n"] for entry in entries] == [*range(0, 2500, 2), "new"]
    assert entries[0].at == NOW
    assert entries[0].entry_hash == extend(genesis(1), canonical_entry(replace(entries[0], id=0))).hash
    record.close()
    with engine.connect() as connection, pytest.raises(IntegrityError, match="append-only"):
        connection.execute(text("DELETE FROM timeline"))
