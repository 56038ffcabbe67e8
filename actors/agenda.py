"""When each event's actor will look at its event again: written by the actors, read by the auditor."""

from collections.abc import Mapping
from datetime import datetime


class Agenda:
    """A map from events to the time of their next step; ``None``: the actor waits for a report.

    It is shared by threads without a lock: each of its operations is a single one of the dictionary's, and each
    event is written by its own actor alone.
    """

    def __init__(self) -> None:
        self._next: dict[int, datetime | None] = {}

    def note(self, event_id: int, at: datetime | None) -> None:
        """Enter when the event is looked at again."""
        self._next[event_id] = at

    def drop(self, event_id: int) -> None:
        """Strike an event out: its actor ends."""
        self._next.pop(event_id, None)

    def copy(self) -> Mapping[int, datetime | None]:
        """Return what is entered now."""
        return self._next.copy()
