"""Writers that come at the same time share a transaction."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Ticket(Generic[T]):
    """What one caller wants written, and what became of it."""

    __slots__ = ("done", "error", "item", "turn")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.error: BaseException | None = None
        # Released when the item is written, or when it is this caller's turn to write.
        self.turn = threading.Lock()
        self.turn.acquire()


class GroupedWriter(Generic[T]):
    """Collects what several threads want written while one transaction is under way, and writes it with the next.

    ``write`` records all items, in their order, or none of them and raises. The thread that finds nobody writing writes
    for all who have come until then, and leaves the next group to the first thread of that; so a lone writer waits for
    nobody, and nobody writes for ever for others. A waiting thread is woken once.
    """

    def __init__(self, write: Callable[[Sequence[T]], None], *, most: int = 64) -> None:
        self._write = write
        self._most = most
        self._waiting: deque[_Ticket[T]] = deque()
        self._lock = threading.Lock()
        self._writing = False

    def put(self, item: T) -> None:
        """Return when the item is on record. Raises whatever ``write`` raised, for each whose item was among those."""
        ticket = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
            leads = not self._writing
            self._writing = True
        if not leads:
            ticket.turn.acquire()
        if not ticket.done:
            self._write_group()
        if ticket.error is not None:
            raise ticket.error

    def _write_group(self) -> None:
        """Write the first of those who wait, the caller being the very first."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        error: BaseException | None = None
        try:
            self._write([ticket.item for ticket in group])
        except BaseException as raised:  # noqa: BLE001 - whatever it is, each of the group is told
            error = raised
        with self._lock:
            # The next group begins before the members of this one are back at work.
            if self._waiting:
                self._waiting[0].turn.release()
            else:
                self._writing = False
        for ticket in group:
            ticket.error = error
            ticket.done = True
            ticket.turn.release()
