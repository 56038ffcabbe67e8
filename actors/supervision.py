"""When to start a failed actor again."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

_FIRST = timedelta(milliseconds=100)
_LONGEST = timedelta(seconds=30)
# Who lived so long since the last failure has recovered from it.
_RECOVERED_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last_at: datetime


class Restarts:
    """Counts the failures of each actor and says how long to wait before it is started again.

    The first restart follows at once, in human terms; an actor that fails again and again, as
    when the database is away, is tried at growing intervals up to half a minute, for ever.
    """

    def __init__(self) -> None:
        self._failures: dict[Hashable, _Failures] = {}

    def delay(self, key: Hashable, now: datetime) -> timedelta:
        """Note a failure and return the pause before the restart."""
        before = self._failures.get(key)
        fresh = before is None or now - before.last_at > _RECOVERED_AFTER
        count = 1 if fresh or before is None else before.count + 1
        self._failures[key] = _Failures(count, now)
        pause: timedelta = _FIRST * (1 << min(count - 1, 20))
        return min(pause, _LONGEST)

    def forget(self, key: Hashable) -> None:
        """Drop the count of an actor that has ended well."""
        self._failures.pop(key, None)
