"""The timeline, as the use cases see it in the database."""

from collections.abc import Sequence
from typing import Protocol

from gateway.model.timeline import TimelineEntry


class TimelineRepository(Protocol):
    """The append-only timeline. The entries of each license form a chain of hashes (``gateway.model.chain``)."""

    def append(self, entry: TimelineEntry) -> None:
        """Add an entry (its ``id`` and its place in the chain are ignored), written when the unit of work commits."""
        ...

    def of_event(self, event_id: int) -> Sequence[TimelineEntry]:
        """Return the event's entries in their order."""
        ...
