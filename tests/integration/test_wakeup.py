"""Waking the engine on both databases."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.ports.record import RecordUnavailableError
from gateway.ports.wakeup import WakeupListener
from gateway.store import make_wakeup, make_wakeup_listener
from tests.databases import PostgresCluster
from tests.waiting import until

LONG = timedelta(seconds=20)
SHORT = timedelta(milliseconds=50)


@pytest.fixture
def listener(database_url: str) -> Iterator[WakeupListener]:
    made = make_wakeup_listener(database_url)
    yield made
    made.close()


def test_nobody_wakes_the_engine(listener: WakeupListener) -> None:
    assert not listener.wait(SHORT)


def test_the_engine_is_woken_at_once(database_url: str, listener: WakeupListener) -> None:
    wakeup = make_wakeup(database_url)
    for _ in range(3):
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(listener.wait, LONG)
            wakeup.notify()
            assert waiting.result()
    assert not listener.wait(SHORT)


def test_a_wakeup_before_the_wait_is_not_lost(database_url: str, listener: WakeupListener) -> None:
    make_wakeup(database_url).notify()
    assert listener.wait(LONG)


def test_many_wakeups_at_once_wake_the_engine_and_leave_none_behind(
    database_url: str, listener: WakeupListener
) -> None:
    wakeup = make_wakeup(database_url)
    with ThreadPoolExecutor(16) as pool:
        for _ in range(200):
            pool.submit(wakeup.notify)
    assert listener.wait(LONG)
    until(lambda: not listener.wait(SHORT), 10, "wake-ups are left behind")


def test_another_process_wakes_the_engine(database_url: str, listener: WakeupListener) -> None:
    code = "import sys\nfrom gateway.store import make_wakeup\nmake_wakeup(sys.argv[1]).notify()\n"
    other = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, database_url])
    assert listener.wait(LONG)
    assert other.wait(20) == 0


def test_a_forked_child_wakes_the_engine_too(database_url: str, listener: WakeupListener) -> None:
    wakeup = make_wakeup(database_url)
    wakeup.notify()
    assert listener.wait(LONG)
    child = os.fork()
    if child == 0:
        wakeup.notify()
        os._exit(0)
    assert listener.wait(LONG)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    wakeup.notify()
    assert listener.wait(LONG)


def test_closing_ends_a_wait_in_another_thread(listener: WakeupListener) -> None:
    entered = threading.Event()

    def wait() -> bool:
        entered.set()
        return listener.wait(LONG)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait)
        entered.wait(60)
        began = time.monotonic()
        listener.close()
        assert not waiting.result()
        assert time.monotonic() - began < LONG.total_seconds() / 2
    assert not listener.wait(LONG)
    listener.close()


def test_nobody_to_wake_is_no_error(database_url: str, tmp_path: Path) -> None:
    make_wakeup(database_url).notify()
    make_wakeup(f"sqlite:///{tmp_path}/none/none.db").notify()
    make_wakeup("postgresql+psycopg://nobody@127.0.0.1:1/none").notify()


def test_the_pipe_is_the_owners_alone(sqlite_url: str) -> None:
    listener = make_wakeup_listener(sqlite_url)
    assert Path(sqlite_url.removeprefix("sqlite:///") + ".wake").stat().st_mode & 0o777 == 0o600
    listener.close()


def test_a_file_in_the_pipes_place_is_told_and_not_written_to(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///") + ".wake")
    path.write_text("mine")
    with pytest.raises(RecordUnavailableError, match="no pipe"):
        make_wakeup_listener(sqlite_url)
    make_wakeup(sqlite_url).notify()
    assert path.read_text() == "mine"


def test_a_full_pipe_blocks_nobody(sqlite_url: str) -> None:
    listener, wakeup = make_wakeup_listener(sqlite_url), make_wakeup(sqlite_url)
    for _ in range(70_000):
        wakeup.notify()
    assert listener.wait(LONG)
    assert not listener.wait(SHORT)
    listener.close()


def test_a_restarted_server_wakes_the_engine_once_and_again_on_notice() -> None:
    with PostgresCluster() as server:
        listener, wakeup = make_wakeup_listener(server.url()), make_wakeup(server.url())
        wakeup.notify()
        assert listener.wait(LONG)
        server.stop()
        assert not listener.wait(SHORT)
        wakeup.notify()
        server.start()
        # What was notified meanwhile is lost, so the new connection itself wakes the engine.
        assert listener.wait(LONG)
        assert not listener.wait(SHORT)

        def notified() -> bool:
            wakeup.notify()
            return listener.wait(SHORT)

        until(notified, 20, "the wake-up does not come back after the server")
        listener.close()


def test_a_listener_that_starts_before_the_server_listens_later() -> None:
    with PostgresCluster() as server:
        server.stop()
        listener = make_wakeup_listener(server.url())
        assert not listener.wait(SHORT)
        server.start()
        assert listener.wait(LONG)
        listener.close()
