"""Notes to the engine, durable and in the transaction of what they are about."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class SignalKind(StrEnum):
    """What another process asks the engine to look at."""

    EVENT_OPENED = "event_opened"
    EVENT_CHANGED = "event_changed"
    CALL_CHANGED = "call_changed"  # something came in about a leg that the engine follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A durable note from a writer of the record to the engine, written in the same transaction."""

    id: int
    kind: SignalKind
    event_id: int
    call_id: str | None = None


class SignalRepository(Protocol):
    """Notes to the engine."""

    def add(self, kind: SignalKind, event_id: int, call_id: str | None = None) -> None:
        """Leave a note; it becomes visible when the unit of work commits."""
        ...

    def pending(self, limit: int) -> Sequence[Signal]:
        """Return the oldest notes."""
        ...

    def remove(self, signal_ids: Collection[int]) -> None:
        """Drop notes that were acted upon."""
        ...
