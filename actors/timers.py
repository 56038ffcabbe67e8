"""Timers: one thread, one heap, monotonic time."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

log = structlog.get_logger(__name__)


class Timer:
    """A pending action. ``cancel`` is final and may come at any time."""

    __slots__ = ("action", "cancelled")

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action
        self.cancelled = False

    def cancel(self) -> None:
        """Let the action not happen, unless it has begun."""
        self.cancelled = True
        self.action = None


class Timers:
    """Runs short actions after a delay, on a thread of its own.

    Delays are measured by the monotonic clock: setting the machine's clock neither fires a timer nor loses one.
    An action must not block; an actor's timer just tells it something.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def after(self, delay: timedelta, action: Callable[[], None]) -> Timer:
        """Run ``action`` once ``delay`` has passed; a delay of nothing or less means at once."""
        timer = Timer(action)
        due = time.monotonic() + max(delay.total_seconds(), 0.0)
        with self._changed:
            heapq.heappush(self._heap, (due, next(self._order), timer))
            if self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def pending(self) -> int:
        """Return how many timers wait, cancelled ones that are not swept up yet included."""
        return len(self._heap)

    def stop(self) -> None:
        """End the thread; what is pending does not happen."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and not self._is_due():
                    self._changed.wait(self._until_next())
                if self._stopped:
                    return
                _, _, timer = heapq.heappop(self._heap)
            action = timer.action
            if timer.cancelled or action is None:
                continue
            try:
                action()
            except Exception:
                log.exception("timer_action_failed")

    def _is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= time.monotonic()

    def _until_next(self) -> float | None:
        return max(self._heap[0][0] - time.monotonic(), 0.0) if self._heap else None
