"""One engine per database.

Two engines would each escalate every event: two calls for one alert. So an engine holds a lock as long as it lives.
The lock is the operating system's or the server's, which let go of it when its holder dies.
"""

import fcntl
import os
import threading
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import psycopg
import structlog
from sqlalchemy import URL

from gateway.ports.record import RecordUnavailableError
from gateway.store import after_fork
from gateway.store.engines import make_sqlite_file, parse_url, sqlite_file
from gateway.store.postgresql import Connection, connect
from gateway.store.waiting import Countdown

log = structlog.get_logger(__name__)

_RETRY = timedelta(milliseconds=200)
# Any number will do that no other program takes in the same PostgreSQL database; in two halves, as pg_locks shows it.
_CLASS, _OBJECT = 0x746F6373, 2


class EngineLockState(StrEnum):
    """Whether this process may be the engine."""

    HELD = "held"
    UNSURE = "unsure"  # the server is out of reach, or has not yet noticed that an old connection is gone; ask again
    LOST = "lost"  # another process has taken it: this one must stop its work
    FREE = "free"  # not asked for, or released


class EngineLock:
    """The lock of a database's one engine.

    Make it, ``acquire`` it, then call ``check`` every few seconds: it notices a lost connection and takes the
    lock again where nobody else has. ``LOST`` is final until the next ``acquire``.
    """

    def __init__(self, database_url: str) -> None:
        url = parse_url(database_url)
        file = sqlite_file(url)
        self._lock: _Lock = _ServerLock(url) if file is None else _FileLock(file)
        self._use = threading.Lock()
        self._state = EngineLockState.FREE
        self._pause = threading.Event()

    def acquire(self, timeout: timedelta = timedelta()) -> bool:
        """Take the lock, waiting for it that long; tell whether it is held.

        Raises ``RecordUnavailableError`` when the database was out of reach all the time.
        """
        end = Countdown(timeout)
        while True:
            trouble: RecordUnavailableError | None = None
            with self._use:
                try:
                    if self._state is EngineLockState.HELD or self._lock.take():
                        self._state = EngineLockState.HELD
                        return True
                except RecordUnavailableError as error:
                    trouble = error
            if not end.left:
                self.release()
                if trouble is not None:
                    raise trouble
                return False
            self._pause.wait(min(_RETRY, end.left).total_seconds())

    def held(self) -> bool:
        """Tell whether this process may go on as the engine.

        It may while the server is out of reach: it cannot record anything then, and so begins nothing, and
        the calls in progress must be followed. It may not once another process has the lock.
        """
        return self.check() in {EngineLockState.HELD, EngineLockState.UNSURE}

    def check(self) -> EngineLockState:
        """Find out how it stands, and take the lock again where a lost connection has dropped it."""
        with self._use:
            if self._state in {EngineLockState.HELD, EngineLockState.UNSURE}:
                before, self._state = self._state, self._look()
                if self._state is not before:
                    log.warning("engine_lock_changed", before=before.value, after=self._state.value)
            return self._state

    def release(self) -> None:
        """Let another engine have it. No error where it is not held."""
        with self._use:
            self._state = EngineLockState.FREE
            self._lock.drop()

    def _look(self) -> EngineLockState:
        try:
            held = self._lock.is_held() or self._lock.take()
            lost = not held and not self._lock.is_held_by_former_self()
        except RecordUnavailableError:
            return EngineLockState.UNSURE
        if lost:
            self._lock.drop()
            return EngineLockState.LOST
        return EngineLockState.HELD if held else EngineLockState.UNSURE


class _Lock(Protocol):
    def take(self) -> bool: ...

    def is_held(self) -> bool: ...

    def is_held_by_former_self(self) -> bool: ...

    def drop(self) -> None: ...


class _FileLock:
    """A locked file beside SQLite's."""

    def __init__(self, database: Path) -> None:
        make_sqlite_file(database)
        self._path = Path(f"{database}.engine")
        self._descriptor: int | None = None
        after_fork.in_child(self.drop)

    def take(self) -> bool:
        self.drop()
        descriptor = None
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if descriptor is not None:
                os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise RecordUnavailableError(str(error)) from error
        self._descriptor = descriptor
        return True

    def is_held(self) -> bool:
        # Where someone has removed the file, another engine locks a new one of that name.
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise RecordUnavailableError(str(error)) from error

    def is_held_by_former_self(self) -> bool:
        return False

    def drop(self) -> None:
        # Closing the file unlocks it, unless a forked child has it too: that one closes its own first thing.
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class _ServerLock:
    """An advisory lock of a PostgreSQL session."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._session: tuple[Any, ...] | None = None
        self._inherited: list[Connection] = []
        after_fork.in_child(self._forget)

    def take(self) -> bool:
        try:
            if self._connection is None:
                self._connection = connect(self._url)
                self._connection.execute("SET statement_timeout = '5s'")
            (taken,) = self._query("SELECT pg_try_advisory_lock(%s, %s)", _CLASS, _OBJECT)
            if taken:
                self._session = self._query(
                    "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
                )
            return bool(taken)
        except (psycopg.Error, OSError) as error:
            self.drop()
            raise RecordUnavailableError(str(error).strip()) from error

    def is_held(self) -> bool:
        if self._connection is None:
            return False
        try:
            (held,) = self._query(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()"
                " AND classid = %s AND objid = %s",
                _CLASS,
                _OBJECT,
            )
            return bool(held)
        except (psycopg.Error, OSError):
            self.drop()
            return False

    def is_held_by_former_self(self) -> bool:
        """Tell whether the server keeps the lock for our own lost connection, and make it notice that it is lost."""
        if self._session is None:
            return False
        try:
            (former,) = self._query(
                "SELECT count(pg_terminate_backend(a.pid)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND a.pid = %s AND a.backend_start = %s",
                _CLASS,
                _OBJECT,
                *self._session,
            )
            return bool(former)
        except (psycopg.Error, OSError) as error:
            self.drop()
            raise RecordUnavailableError(str(error).strip()) from error

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                connection.close()

    def _query(self, query: str, *arguments: object) -> tuple[Any, ...]:
        assert self._connection is not None
        row = self._connection.execute(query, arguments).fetchone()
        assert row is not None
        return row

    def _forget(self) -> None:
        if self._connection is not None:
            self._inherited.append(self._connection)  # Closing it here would drop the parent's lock.
            self._connection = None
