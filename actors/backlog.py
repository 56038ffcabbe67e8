"""Steps that are long overdue, let go one after the other: what an outage has dammed up must not flood people."""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.messages import LookAtLadder
from gateway.model.urgency import Urgency

# What is late by less is let go at once: an engine that was started again at once holds nobody up.
LATE_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """How fast overdue events go on: so many at once, then so many a second."""

    at_once: int = 100
    per_second: float = 50.0


class Backlog:
    """A queue of overdue looks: the gravest first, then the one that has waited longest, at a bounded rate.

    At most one look for each event waits. Not safe for threads: it belongs to one actor.
    """

    def __init__(self, catch_up: CatchUp) -> None:
        self._catch_up = catch_up
        self._heap: list[tuple[Urgency, int, LookAtLadder]] = []
        self._order = itertools.count()
        self._waiting: dict[int, LookAtLadder] = {}
        self._allowance = float(catch_up.at_once)
        self._counted_at: datetime | None = None

    def __len__(self) -> int:
        """Return how many events wait."""
        return len(self._waiting)

    def add(self, look: LookAtLadder, now: datetime) -> datetime:
        """Queue a look and return about when it will be let go, if no graver one comes."""
        self._count(now)
        self._waiting[look.event_id] = look
        heapq.heappush(self._heap, (look.precedence, next(self._order), look))
        return now + timedelta(seconds=len(self._waiting) / self._catch_up.per_second)

    def drop(self, event_id: int) -> None:
        """Let an event's look not happen: the event was looked at meanwhile."""
        self._waiting.pop(event_id, None)

    def let_go(self, now: datetime, most: int) -> Iterator[LookAtLadder]:
        """Yield up to so many looks that may happen now."""
        self._count(now)
        while self._waiting and most > 0 and self._allowance >= 1:
            _, _, look = heapq.heappop(self._heap)
            if self._waiting.get(look.event_id) is look:
                del self._waiting[look.event_id]
                self._allowance -= 1
                most -= 1
                yield look

    def pause(self) -> timedelta | None:
        """Return how long to wait until the next may be let go; ``None`` where none waits."""
        if not self._waiting:
            self._heap.clear()
            return None
        return timedelta(seconds=max(1 - self._allowance, 0.0) / self._catch_up.per_second)

    def _count(self, now: datetime) -> None:
        if self._counted_at is not None:
            passed = max((now - self._counted_at).total_seconds(), 0.0)
            self._allowance = min(self._allowance + passed * self._catch_up.per_second, self._catch_up.at_once)
        self._counted_at = now
