"""The legs of phone calls, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.call import Call


class CallRepository(Protocol):
    """Calls."""

    def add(self, call: Call) -> None:
        """Store a new leg."""
        ...

    def get(self, call_id: str) -> Call | None:
        """Return a leg."""
        ...

    def update(self, call: Call) -> None:
        """Store the leg's present values."""
        ...

    def by_provider_call_id(self, provider: str, provider_call_id: str) -> Call | None:
        """Return the leg that a cloud provider knows under that id."""
        ...

    def of_event(self, event_id: int) -> Sequence[Call]:
        """Return the legs that announced the event, in their order."""
        ...

    def tie(self, call_id: str, attempt_ids: Collection[int]) -> None:
        """Record which attempts a leg makes."""
        ...

    def legs_of_attempt(self, attempt_id: int) -> Sequence[Call]:
        """Return every leg that was placed for an attempt, in their order."""
        ...

    def unfinished(self, *, contact_id: int | None = None) -> Sequence[Call]:
        """Return all legs without an end, of one contact or of all."""
        ...

    def of_contact(self, contact_id: int, since: datetime) -> Sequence[Call]:
        """Return the contact's legs started at or after ``since``, in their order."""
        ...

    def lock_number(self, number: str) -> None:
        """Hold off others who begin a call to the number, of every license, until this unit of work ends."""
        ...

    def to_number(self, number: str, since: datetime) -> Sequence[Call]:
        """Return the legs to that number started at or after ``since``, of every license, in their order."""
        ...
