"""Several processes on one database, and forked children."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.ports.record import RecordUnavailableError
from gateway.store import EngineLock, EngineLockState, migrate, open_record
from tests.databases import PostgresCluster
from tests.records import a_license
from tests.waiting import until

_WRITER = """
import sys
from gateway.store import open_record
from tests.records import a_license
record = open_record(sys.argv[1])
for number in range(50):
    with record.write() as work:
        work.licenses.add(a_license(f"{sys.argv[2]} {number}"))
        work.commit()
record.close()
"""


def test_processes_write_side_by_side(database_url: str) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, database_url, str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    record = open_record(database_url)
    with record.read() as work:
        names = [license_.name for license_ in work.licenses.list()]
    record.close()
    assert sorted(names) == sorted(f"{writer} {number}" for writer in range(3) for number in range(50))


def test_a_forked_child_uses_connections_of_its_own(database_url: str) -> None:
    record = open_record(database_url)
    with record.write() as work:
        work.licenses.add(a_license("parent"))
        work.commit()
    with record.read() as held:
        before = len(held.licenses.list())
        children = []
        for number in range(3):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    with record.write() as work:
                        work.licenses.add(a_license(f"child {number}"))
                        work.commit()
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
        # The parent's transaction goes on, on the connection that the children let alone.
        assert len(held.licenses.list()) == before
    with record.write() as work:
        work.licenses.add(a_license("parent again"))
        work.commit()
    with record.read() as work:
        assert len(work.licenses.list()) == 5
    record.close()


def test_one_engine_has_the_lock(database_url: str) -> None:
    one, other = EngineLock(database_url), EngineLock(database_url)
    assert one.check() is EngineLockState.FREE
    assert one.acquire()
    assert one.acquire()
    assert not other.acquire(timedelta(milliseconds=10))
    assert not other.held()
    assert one.check() is EngineLockState.HELD
    one.release()
    assert one.check() is EngineLockState.FREE
    assert other.acquire(timedelta(seconds=5))
    other.release()
    other.release()


def test_the_lock_of_a_dead_engine_is_free(database_url: str) -> None:
    code = "import sys, signal\nfrom gateway.store import EngineLock\n"
    code += "lock = EngineLock(sys.argv[1])\nprint(lock.acquire(), flush=True)\nsignal.pause()\n"
    engine = subprocess.Popen([sys.executable, "-c", code, database_url], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    assert engine.stdout.readline() == "True\n"
    mine = EngineLock(database_url)
    assert not mine.acquire()
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    assert mine.acquire(timedelta(seconds=10))
    mine.release()


def test_a_child_of_a_dead_engine_does_not_keep_the_lock(database_url: str) -> None:
    lock = EngineLock(database_url)
    assert lock.acquire()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"!")
        signal.pause()
        os._exit(0)
    os.read(reading, 1)
    assert lock.check() is EngineLockState.HELD
    lock.release()
    other = EngineLock(database_url)
    assert other.acquire(timedelta(seconds=5))
    other.release()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def test_a_removed_lock_file_is_locked_again(sqlite_url: str) -> None:
    one = EngineLock(sqlite_url)
    assert one.acquire()
    os.remove(sqlite_url.removeprefix("sqlite:///") + ".engine")  # noqa: PTH107 the address is text
    assert one.held()
    assert not EngineLock(sqlite_url).acquire()
    one.release()


def test_a_lock_that_another_engine_took_over_is_lost(sqlite_url: str) -> None:
    one, other = EngineLock(sqlite_url), EngineLock(sqlite_url)
    assert one.acquire()
    os.remove(sqlite_url.removeprefix("sqlite:///") + ".engine")  # noqa: PTH107 the address is text
    assert other.acquire()
    assert one.check() is EngineLockState.LOST
    assert not one.held()
    other.release()
    assert one.check() is EngineLockState.LOST
    assert one.acquire()
    one.release()


@pytest.fixture
def own_server() -> Iterator[PostgresCluster]:
    with PostgresCluster() as cluster:
        migrate(cluster.url())
        yield cluster


def test_the_lock_is_taken_again_after_the_server_restarts(own_server: PostgresCluster) -> None:
    lock = EngineLock(own_server.url())
    assert lock.acquire()
    own_server.stop()
    assert lock.check() is EngineLockState.UNSURE
    assert lock.held()
    own_server.start()
    until(lambda: lock.check() is EngineLockState.HELD, 10, "the lock is not taken again")
    assert not EngineLock(own_server.url()).acquire()
    lock.release()


def test_the_lock_is_lost_when_another_engine_took_it_meanwhile(own_server: PostgresCluster) -> None:
    one, other = EngineLock(own_server.url()), EngineLock(own_server.url())
    assert one.acquire()
    own_server.stop()
    own_server.start()
    assert other.acquire()
    assert one.check() is EngineLockState.LOST
    assert not one.held()
    other.release()


def test_a_lock_kept_by_ones_own_lost_connection_is_taken_back(postgresql_url: str) -> None:
    lock = EngineLock(postgresql_url)
    assert lock.acquire()
    ghost = lock._lock._connection  # type: ignore[attr-defined]
    lock._lock._connection = None  # type: ignore[attr-defined]
    until(lambda: lock.check() is EngineLockState.HELD, 10, "the server keeps the lock for a connection that is gone")
    lock.release()
    ghost.close()


def test_asking_a_server_out_of_reach_for_the_lock_is_unavailable() -> None:
    lock = EngineLock("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(RecordUnavailableError):
        lock.acquire(timedelta(milliseconds=300))
