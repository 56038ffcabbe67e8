"""A database that cannot be reached, or cannot write: nothing is recorded, and it is told so."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import IntegrityError

from gateway.ports.record import Record, RecordUnavailableError
from gateway.store import SqlRecord, migrate, open_record
from gateway.store.write_gate import WriteGate
from tests.databases import PostgresCluster
from tests.records import a_license, add_event, add_tenant


@pytest.fixture
def own_server() -> Iterator[PostgresCluster]:
    with PostgresCluster() as cluster:
        migrate(cluster.url())
        yield cluster


@pytest.fixture
def sqlite_record(sqlite_url: str) -> Iterator[SqlRecord]:
    opened = open_record(sqlite_url)
    yield opened
    opened.close()


def write(record: Record, name: str = "Harbour Parking") -> None:
    with record.write() as work:
        work.licenses.add(a_license(name))
        work.commit()


def names(record: Record) -> list[str]:
    with record.read() as work:
        return [license_.name for license_ in work.licenses.list()]


def test_a_writable_database_passes_the_check(record: SqlRecord) -> None:
    record.check()
    record.close()
    record.check()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_stopped_server_is_unavailable_and_comes_back_by_itself(
    own_server: PostgresCluster, how: signal.Signals
) -> None:
    record = open_record(own_server.url())
    write(record, "before")
    own_server.stop(how)
    for _ in range(2):
        with pytest.raises(RecordUnavailableError):
            write(record, "meanwhile")
        with pytest.raises(RecordUnavailableError):
            names(record)
        with pytest.raises(RecordUnavailableError):
            record.check()
    own_server.start()
    write(record, "after")
    record.check()
    assert names(record) == ["before", "after"]
    record.close()


def test_a_server_that_stops_within_a_transaction_has_recorded_nothing(own_server: PostgresCluster) -> None:
    record = open_record(own_server.url())

    def write_while_it_stops() -> None:
        with record.write() as work:
            work.licenses.add(a_license())
            own_server.stop()
            work.commit()

    with pytest.raises(RecordUnavailableError):
        write_while_it_stops()
    own_server.start()
    assert names(record) == []
    record.close()


def test_a_standby_is_unavailable(own_server: PostgresCluster) -> None:
    own_server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
    record = open_record(own_server.url())
    with pytest.raises(RecordUnavailableError, match="read-only"):
        write(record)
    record.close()


def test_an_accepted_alert_is_durable_even_where_the_server_is_told_otherwise(own_server: PostgresCluster) -> None:
    own_server.execute("ALTER DATABASE postgres SET synchronous_commit = off")
    record = open_record(own_server.url())
    with record._writing.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    record.close()


def test_sqlite_is_durable(sqlite_record: SqlRecord) -> None:
    with sqlite_record._writing.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_full_disk_is_unavailable_and_nothing_is_recorded(sqlite_url: str) -> None:
    record = open_record(sqlite_url)
    tenant = add_tenant(record)

    @sqlalchemy_event.listens_for(record._writing, "begin")
    def _full(connection: object) -> None:
        # SQLite's own bound on the size of the file raises the same error as a disk that is full.
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    def fill() -> None:
        with record.write() as work:
            for number in range(200):
                work.events.add(tenant.new_event(str(number)))
            work.commit()

    with pytest.raises(RecordUnavailableError, match="full"):
        fill()
    record.close()
    record = open_record(sqlite_url)
    with record.read() as work:
        assert list(work.events.list(status=None, license_id=None, limit=10)) == []
    add_event(record, tenant.new_event())
    record.close()


def test_a_disk_that_is_all_but_full_fails_the_check(sqlite_record: SqlRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs

    def almost_full(path: Path) -> os.statvfs_result:
        values = list(real(path))
        values[4] = 1  # f_bavail
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", almost_full)
    with pytest.raises(RecordUnavailableError, match="full"):
        sqlite_record.check()


def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").write_text("no database " * 1000)
    record = open_record(f"sqlite:///{tmp_path}/tocsin.db")
    with pytest.raises(RecordUnavailableError, match="not a database"):
        write(record)
    record.close()


def test_a_directory_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordUnavailableError):
        open_record(f"sqlite:///{tmp_path}/file/tocsin.db")


def test_another_program_that_holds_sqlite_makes_it_unavailable(
    sqlite_record: SqlRecord, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(sqlite_record, "before")
    with sqlite_record._writing.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 100")
        connection.commit()
    monkeypatch.undo()
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RecordUnavailableError, match="locked"):
        write(sqlite_record, "meanwhile")
    assert names(sqlite_record) == ["before"]
    other.close()
    write(sqlite_record, "after")
    assert names(sqlite_record) == ["before", "after"]


def test_a_writer_does_not_wait_for_ever_for_its_turn(tmp_path: Path) -> None:
    mine, theirs = (WriteGate(tmp_path / "tocsin.db", timeout=timedelta(milliseconds=50)) for _ in range(2))
    theirs.acquire()
    with pytest.raises(RecordUnavailableError, match="another process"):
        mine.acquire()
    with pytest.raises(RecordUnavailableError, match="too many writers"):
        theirs.acquire()
    theirs.release()
    mine.acquire()
    mine.release()
    mine.close()
    theirs.close()


def test_the_gate_opens_again_when_its_holder_dies(tmp_path: Path) -> None:
    gate = WriteGate(tmp_path / "tocsin.db", timeout=timedelta(seconds=10))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        gate.acquire()
        os.write(writing, b"!")
        signal.pause()
        os._exit(0)
    os.read(reading, 1)
    threading.Timer(0.05, os.kill, (child, signal.SIGKILL)).start()
    gate.acquire()
    gate.release()
    gate.close()
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def test_all_connections_in_use_is_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.engines.BUSY_TIMEOUT", timedelta(milliseconds=50))
    record = open_record(database_url, pool_size=1)
    with record.read(), pytest.raises(RecordUnavailableError, match="in use"), record.read():
        pass
    with record.read() as work:
        assert list(work.licenses.list()) == []
    record.close()


def test_a_mistake_in_the_program_is_not_called_unavailable(record: Record) -> None:
    tenant = add_tenant(record)

    def twice() -> None:
        with record.write() as work:
            work.sources.add(tenant.source, token_hash=tenant.token_hash, token_encrypted=None)
            work.commit()

    with pytest.raises(IntegrityError):
        twice()
    with pytest.raises(IntegrityError):
        add_event(record, replace(tenant.new_event(), source_id=999))


def test_an_error_of_the_callers_own_passes_through(record: Record) -> None:
    def fail() -> None:
        with record.write():
            raise FileNotFoundError("the caller's")

    with pytest.raises(FileNotFoundError):
        fail()
