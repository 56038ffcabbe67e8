"""Lists and counts of events, as the pages show them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.attempt import Level
from gateway.model.event import EventStatus, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events a list holds. ``None`` leaves a condition out; ``license_ids`` as ``None`` is all licenses.

    ``text`` is looked for in titles, whatever its case; ``since`` and ``until`` bound the time of the first post.
    """

    license_ids: Collection[int] | None = None
    status: EventStatus | None = None
    source_id: int | None = None
    severity: Severity | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One line of a list."""

    id: int
    license_id: int
    source_id: int
    title: str
    severity: Severity
    status: EventStatus
    repeat_count: int
    created_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_via: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMessages:
    """Messages of one level that failed for one reason. ``event_id`` is the newest event among them."""

    level: Level
    reason: str | None
    count: int
    event_id: int


class EventListRepository(Protocol):
    """Lists and counts of events."""

    def page(self, wanted: EventFilter, *, before_id: int | None = None, limit: int = 50) -> Sequence[EventRow]:
        """Return events, the newest first; ``before_id`` continues a list: only older ones than that."""
        ...

    def counts(self, license_ids: Collection[int] | None, since: datetime) -> Mapping[EventStatus, int]:
        """Return how many events came in since then, by what became of them."""
        ...

    def open_ids(self, license_ids: Collection[int] | None, limit: int) -> Sequence[int]:
        """Return the ids of open events, the gravest first, then the oldest."""
        ...

    def open_count(self, license_ids: Collection[int] | None) -> int:
        """Return how many events are open."""
        ...

    def failed_messages(
        self, license_ids: Collection[int] | None, *, since: datetime, limit: int
    ) -> Sequence[FailedMessages]:
        """Return what failed among the newest tries that were made since then, the latest first. Costs little."""
        ...

    def version(self, license_ids: Collection[int] | None) -> str:
        """Return a text that changes whenever anything happens to an event of these licenses. Costs next to nothing."""
        ...
