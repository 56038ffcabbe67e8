"""Pauses that grow with each failure in a row."""

import time
from dataclasses import dataclass
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
_MOST_DOUBLINGS = 20


@dataclass(slots=True)
class GrowingPause:
    """A pause from ``FIRST_PAUSE`` to ``LONGEST_PAUSE``, doubled with each failure in a row."""

    failures: int = 0
    until: float = 0.0
    reason: str | None = None

    def failed(self, reason: str) -> None:
        """Begin the next pause."""
        pause = min(FIRST_PAUSE * 2 ** min(self.failures, _MOST_DOUBLINGS), LONGEST_PAUSE)
        self.failures += 1
        self.until = time.monotonic() + pause.total_seconds()
        self.reason = reason

    def succeeded(self) -> None:
        """End the row of failures."""
        self.failures, self.until, self.reason = 0, 0.0, None

    @property
    def left(self) -> float:
        """The seconds until the pause is over."""
        return max(self.until - time.monotonic(), 0.0)
