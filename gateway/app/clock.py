"""The clock of the records."""

import time
from datetime import UTC, datetime, timedelta


class SteadyClock:
    """UTC as the machine knew it when the process began, carried on by the monotonic clock.

    Setting the machine's clock, by hand or by NTP, therefore moves neither a wait nor the order of
    the records that this process writes. A restart takes the machine's time over again.
    """

    def __init__(self) -> None:
        self._began_at = datetime.now(UTC)
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Return the present time in UTC."""
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)


class WallClock:
    """The machine's own time: for short-lived processes and web requests, which wait for nothing."""

    def now(self) -> datetime:
        """Return the present time in UTC."""
        return datetime.now(UTC)
