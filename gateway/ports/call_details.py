"""Call detail records, as they are read for people: many at once, by what is wanted of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.call import Call, CallOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are wanted: those that fit every value given. ``since`` is inclusive, ``until`` is not.

    ``license_ids`` are those that somebody may see, ``None`` for all. ``number`` is the one that was called, in full.
    ``in_progress``: only calls whose end is not recorded.
    """

    license_id: int | None = None
    license_ids: Collection[int] | None = None
    contact_id: int | None = None
    trunk: str | None = None
    outcome: CallOutcome | None = None
    number: str | None = None
    in_progress: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """How many calls of a trunk ended alike. ``trunk`` is ``None`` for calls that went by no trunk of ours.

    ``outcome`` is ``None`` for calls that are not over. ``billed_seconds`` are those of all the calls together.
    """

    provider: str
    trunk: str | None
    outcome: CallOutcome | None
    sip_cause: int | None
    hangup_cause: int | None
    answered: bool
    calls: int
    billed_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayTally:
    """How many calls of a trunk had that post-dial delay."""

    provider: str
    trunk: str | None
    post_dial_delay_ms: int
    calls: int


class CallDetailRepository(Protocol):
    """Reads calls. The order is that of their beginning; calls that began together are in the order of their ids."""

    def page(self, wanted: CallFilter, *, after: Call | None, limit: int) -> Sequence[Call]:
        """Return the next calls behind the one named, the first ones for ``None``."""
        ...

    def newest(self, wanted: CallFilter, *, limit: int, before: Call | None = None) -> Sequence[Call]:
        """Return the calls that began last, the newest first; only those ahead of ``before``, where it is given."""
        ...

    def count(self, wanted: CallFilter) -> int:
        """Return how many calls there are."""
        ...

    def with_id_like(self, beginning: str, *, limit: int) -> Sequence[Call]:
        """Return calls whose id begins so."""
        ...

    def events_of(self, call_ids: Collection[str]) -> Mapping[str, Sequence[int]]:
        """Return the events that each of the calls announced, by id; calls that announced none are left out."""
        ...

    def tallies(self, wanted: CallFilter) -> Sequence[CallTally]:
        """Return how the calls ended, counted."""
        ...

    def delay_tallies(self, wanted: CallFilter) -> Sequence[DelayTally]:
        """Return the post-dial delays of the calls that have one, counted, the shortest first."""
        ...
