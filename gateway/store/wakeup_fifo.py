"""Waking the engine by a named pipe beside SQLite's file."""

import os
import stat
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from gateway.ports.record import RecordUnavailableError
from gateway.store import after_fork
from gateway.store.waiting import Waiter

_MOST_BYTES = 65536


def _pipe_of(database: Path) -> Path:
    return Path(f"{database}.wake")


class FifoWakeup:
    """``Wakeup`` by a byte in the pipe. Nobody reads it, or it is full: then there is nobody to wake, or no need."""

    def __init__(self, database: Path) -> None:
        self._path = _pipe_of(database)

    def notify(self) -> None:
        """See the port."""
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                    os.write(descriptor, b"!")
            finally:
                os.close(descriptor)


class FifoWakeupListener:
    """``WakeupListener`` at the reading end of the pipe."""

    def __init__(self, database: Path) -> None:
        path = _pipe_of(database)
        try:
            with suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            # Open for writing too: a pipe whose writers have all gone would be readable for ever.
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise RecordUnavailableError(f"the pipe that wakes the engine cannot be made: {error}") from error
        if not stat.S_ISFIFO(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise RecordUnavailableError(f"{path} is no pipe: remove it")
        self._waiter = Waiter()
        self._use = threading.Lock()
        self._open = True
        after_fork.in_child(self._release)

    def wait(self, timeout: timedelta) -> bool:
        """See the port."""
        with self._use:
            if not self._open or not self._waiter.wait(self._descriptor, timeout):
                return False
            with suppress(BlockingIOError):
                while len(os.read(self._descriptor, _MOST_BYTES)) == _MOST_BYTES:
                    pass
            return True

    def close(self) -> None:
        """See the port."""
        self._waiter.close()
        with self._use:
            self._release()

    def _release(self) -> None:
        if self._open:
            self._open = False
            os.close(self._descriptor)
