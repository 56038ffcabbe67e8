"""Writers that come at the same time share a transaction."""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Ticket(Generic[T]):
    """What one caller wants written, and what became of it."""

    __slots__ = ("done", "error", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = threading.Event()
        self.error: BaseException | None = None


class GroupedWriter(Generic[T]):
    """Collects what several threads want written while one transaction is under way, and writes it with the next.

    ``write`` records all items, in their order, or none of them and raises. The thread that finds nobody writing writes
    for all who have come until then; so a lone writer waits for nobody.
    """

    def __init__(self, write: Callable[[Sequence[T]], None], *, most: int = 64) -> None:
        self._write = write
        self._most = most
        self._waiting: list[_Ticket[T]] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def put(self, item: T) -> None:
        """Return when the item is on record. Raises whatever ``write`` raised, for each whose item was among those."""
        ticket = _Ticket(item)
        with self._lock:
            self._waiting.append(ticket)
        with self._writing:
            # Whoever had the turn before may have written it.
            while not ticket.done.is_set():
                self._write_group()
        if ticket.error is not None:
            raise ticket.error

    def _write_group(self) -> None:
        with self._lock:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        error: BaseException | None = None
        try:
            self._write([ticket.item for ticket in group])
        except BaseException as raised:  # noqa: BLE001 - whatever it is, each of the group is told
            error = raised
        for ticket in group:
            ticket.error = error
            ticket.done.set()
