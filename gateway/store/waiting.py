"""Waiting for a file descriptor in a way that another thread can end."""

import os
import select
import time
from datetime import timedelta


class Waiter:
    """Waits for something to read, or for ``close``."""

    def __init__(self) -> None:
        self._closing, self._close = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.closed = False

    def wait(self, descriptor: int | None, timeout: timedelta) -> bool:
        """Return whether there is something to read before the time is over; false at once when closed."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self._closing, select.POLLIN)
        if descriptor is not None:
            poll.register(descriptor, select.POLLIN)
        ready = poll.poll(max(0.0, timeout / timedelta(milliseconds=1)))
        return not self.closed and any(number == descriptor for number, _ in ready)

    def close(self) -> None:
        """End the present wait and all later ones."""
        if not self.closed:
            self.closed = True
            os.close(self._close)

    def __del__(self) -> None:
        self.close()
        os.close(self._closing)


class Countdown:
    """What is left of a length of time."""

    def __init__(self, length: timedelta) -> None:
        self._end = time.monotonic() + length.total_seconds()

    @property
    def left(self) -> timedelta:
        """The time left, never below zero."""
        return timedelta(seconds=max(0.0, self._end - time.monotonic()))
