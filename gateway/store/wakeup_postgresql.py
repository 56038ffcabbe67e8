"""Waking the engine by PostgreSQL's NOTIFY and LISTEN."""

import threading
from contextlib import suppress
from datetime import timedelta

import psycopg
import structlog
from sqlalchemy import URL

from gateway.store import after_fork
from gateway.store.postgresql import Connection, connect
from gateway.store.waiting import Countdown, Waiter

log = structlog.get_logger(__name__)

_CHANNEL = "tocsin_wakeup"
_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=5)


class PostgresqlWakeup:
    """``Wakeup`` by NOTIFY, on a connection of its own.

    While one thread notifies, the others leave it to that one to notify again. A server out of reach is tried again
    after a second at the earliest: until then the engine looks by itself.
    """

    _PAUSE = timedelta(seconds=1)

    def __init__(self, url: URL) -> None:
        self._url = url
        self._reset()
        after_fork.in_child(self._forget)

    def _reset(self) -> None:
        self._mutex = threading.Lock()
        self._notifying = False
        self._again = False
        self._connection: Connection | None = None
        self._pause = Countdown(timedelta())

    def notify(self) -> None:
        """See the port."""
        with self._mutex:
            self._again = True
            if self._notifying:
                return
            self._notifying = True
        while True:
            with self._mutex:
                if not self._again:
                    self._notifying = False
                    return
                self._again = False
            self._send()

    def close(self) -> None:
        """Close the connection; the next ``notify`` opens one again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        self.close()

    def _send(self) -> None:
        # A connection that died unnoticed shows it here; the second try has a new one.
        for _ in range(2):
            if self._pause.left:
                return
            fresh = self._connection is None
            try:
                if self._connection is None:
                    self._connection = connect(self._url)
                self._connection.execute(f"NOTIFY {_CHANNEL}")
            except (psycopg.Error, OSError) as error:
                self.close()
                if fresh:
                    self._pause = Countdown(self._PAUSE)
                    log.warning("wakeup_failed", reason=str(error).strip())
                    return
            else:
                return

    def _forget(self) -> None:
        self._inherited = self._connection  # Closing it here would say goodbye in the parent's name.
        self._reset()


class PostgresqlWakeupListener:
    """``WakeupListener`` by LISTEN, on a connection of its own.

    What was notified while it was not connected is lost: so each new connection counts as a wake-up.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._waiter = Waiter()
        self._use = threading.Lock()
        self._connection: Connection | None = None
        self._pause = _FIRST_PAUSE
        self._next_try = Countdown(timedelta())
        self._connect()

    def wait(self, timeout: timedelta) -> bool:
        """See the port."""
        end = Countdown(timeout)
        with self._use:
            while not self._waiter.closed:
                if self._connection is None and not self._next_try.left and self._connect():
                    return True
                if self._connection is None:
                    self._waiter.wait(None, min(end.left, self._next_try.left))
                elif self._waiter.wait(self._connection.fileno(), end.left) and self._notified():
                    return True
                if not end.left:
                    return False
            return False

    def close(self) -> None:
        """See the port."""
        self._waiter.close()
        with self._use:
            self._disconnect()

    def _connect(self) -> bool:
        try:
            self._connection = connect(self._url)
            self._connection.execute(f"LISTEN {_CHANNEL}")
        except (psycopg.Error, OSError) as error:
            self._disconnect()
            log.warning("wakeup_listener_not_connected", reason=str(error).strip())
            self._next_try = Countdown(self._pause)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            return False
        self._pause = _FIRST_PAUSE
        return True

    def _notified(self) -> bool:
        assert self._connection is not None
        notified = False
        try:
            self._connection.pgconn.consume_input()
            while self._connection.pgconn.notifies() is not None:
                notified = True
        except psycopg.Error as error:
            log.warning("wakeup_listener_disconnected", reason=str(error).strip())
            self._disconnect()
        return notified

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                connection.close()
