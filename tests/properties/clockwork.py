"""What the engine runs on, moved by hand: time, threads, and a record under which the process can die."""

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from actors.pool import PooledActor
from actors.timers import Timer
from gateway.ports.record import RecordUnavailableError, UnitOfWork
from gateway.store import SqlRecord


class Killed(BaseException):
    """The engine process is gone, at this very instruction."""


class Clock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Timers:
    """Timers that fire when the test moves the clock past them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, Timer]] = []
        self._order = itertools.count()

    def after(self, delay: timedelta, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        # However short the delay: no timer fires at the moment at which it was set.
        heapq.heappush(self._heap, (self._clock.at + max(delay, timedelta.resolution), next(self._order), timer))
        return timer

    def next_at(self) -> datetime | None:
        while self._heap and self._heap[0][2].cancelled:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire(self) -> None:
        while (at := self.next_at()) is not None and at <= self._clock.at:
            timer = heapq.heappop(self._heap)[2]
            if timer.action is not None:
                timer.action()


class Pool:
    """The queue of actors that have something to do; the test says who is next."""

    def __init__(self) -> None:
        self.due: deque[PooledActor] = deque()

    def schedule(self, actor: PooledActor) -> None:
        self.due.append(actor)

    def run(self, place: int = 0) -> None:
        if self.due:
            self.due.rotate(-(place % len(self.due)))
            self.due.popleft().run_slice()


class Executor:
    """Background work that is done when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], object]] = []

    def submit(self, work: Callable[[], object], /, *_: object) -> None:
        self.due.append(work)

    def run(self, place: int = 0) -> None:
        if self.due:
            self.due.pop(place % len(self.due))()


class MortalRecord:
    """The record, as seen by an engine that can be killed just before or just after a commit.

    While it ``is_away``, nothing can be read or written, as without the database's server.
    """

    def __init__(
        self,
        record: SqlRecord,
        *,
        maybe_die: Callable[[str], None],
        on_commit: Callable[[], None],
        is_away: Callable[[], bool],
    ) -> None:
        self._record = record
        self._maybe_die = maybe_die
        self._on_commit = on_commit
        self._is_away = is_away

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        self._reach()
        with self._record.write() as work:
            commit = work.commit

            def mortal() -> None:
                self._maybe_die("before a commit")
                self._reach()
                commit()
                self._on_commit()
                self._maybe_die("after a commit")

            work.commit = mortal  # type: ignore[method-assign]
            yield work

    def read(self) -> Any:
        self._reach()
        return self._record.read()

    def check(self) -> None:
        self._reach()
        self._record.check()

    def _reach(self) -> None:
        if self._is_away():
            raise RecordUnavailableError("the server is away")
