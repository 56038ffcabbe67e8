"""The queue in front of SQLite's one writer.

SQLite lets one writer in at a time, and whoever finds it busy sleeps and tries again: under load some wait for a
second and more, as new-comers overtake them. So writers queue here first: the threads of a process in the order of
their coming, and the processes by two locked files. Whoever holds the first file (the turnstile) is the next to get
the second; a process that has just written must pass the turnstile again, behind the one that waits there. As it
takes longer to change from process to process than from thread to thread, a process lets several of its threads
write before it passes the turn on.
"""

import fcntl
import os
import threading
import time
from collections import deque
from datetime import timedelta
from pathlib import Path

from gateway.ports.record import RecordUnavailableError
from gateway.store import after_fork

# A lock held by another process can only be waited for without bound or tried. A write takes about this long.
_RETRY_SECONDS = 0.0005
# How long a process goes on with its own threads before another has its turn.
_OWN_TURN_SECONDS = 0.003


class WriteGate:
    """Lets one writer in at a time, of all threads and processes that use the same file."""

    def __init__(self, database: Path, *, timeout: timedelta) -> None:
        self._paths = (Path(f"{database}.queue"), Path(f"{database}.lock"))
        self._timeout = timeout
        self._reset()
        after_fork.in_child(self._forget)

    def _reset(self) -> None:
        self._threads = _FairLock()
        self._opening = threading.Lock()
        self._files: tuple[int, int] | None = None
        self._locked_at: float | None = None
        self._pause = threading.Event()

    def acquire(self) -> None:
        """Wait for the turn to write. Raises ``RecordUnavailableError`` when it does not come in time, ``OSError``."""
        end = time.monotonic() + self._timeout.total_seconds()
        if not self._threads.acquire(self._timeout.total_seconds()):
            raise RecordUnavailableError("too many writers wait for the database")
        if self._locked_at is not None:
            return
        try:
            turnstile, lock = self._open()
            self._lock(turnstile, end)
            try:
                self._lock(lock, end)
            finally:
                fcntl.flock(turnstile, fcntl.LOCK_UN)
            self._locked_at = time.monotonic()
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        """Let the next writer in."""
        own_turn = self._locked_at is not None and time.monotonic() - self._locked_at < _OWN_TURN_SECONDS
        if own_turn and self._threads.pass_on():
            return  # The file stays locked, for the next of our own threads.
        try:
            self._locked_at = None
            fcntl.flock(self._open()[1], fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def close(self) -> None:
        """Close the files."""
        with self._opening:
            files, self._files = self._files, None
        for descriptor in files or ():
            os.close(descriptor)

    def _lock(self, descriptor: int, end: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= end:
                    raise RecordUnavailableError("another process does not end its writing to the database") from error
                self._pause.wait(_RETRY_SECONDS)
            else:
                return

    def _open(self) -> tuple[int, int]:
        with self._opening:
            if self._files is None:
                turnstile = os.open(self._paths[0], os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    self._files = (turnstile, os.open(self._paths[1], os.O_RDWR | os.O_CREAT, 0o600))
                except OSError:
                    os.close(turnstile)
                    raise
            return self._files

    def _forget(self) -> None:
        # The child's descriptors share the parent's locks. Closing them drops nothing: the parent has its own.
        files = self._files
        self._reset()
        for descriptor in files or ():
            os.close(descriptor)


class _FairLock:
    """A lock that threads get in the order in which they asked for it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            if turn.acquire(timeout=timeout):
                return True
        except BaseException:
            if not self._give_up(turn):
                self.release()
            raise
        return not self._give_up(turn)

    def pass_on(self) -> bool:
        """Give the lock to the thread that has waited longest; false, and nothing done, where none waits."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
                return True
            return False

    def release(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _give_up(self, turn: threading.Lock) -> bool:
        """Leave the queue; false where the turn came just now."""
        with self._mutex:
            try:
                self._waiting.remove(turn)
            except ValueError:
                return False
            return True
