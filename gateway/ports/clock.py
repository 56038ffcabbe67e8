"""The clock port."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time of the records: aware UTC datetimes.

    Within one process it must not step backwards or jump when the machine's clock is set.
    """

    def now(self) -> datetime:
        """Return the present time in UTC."""
        ...
