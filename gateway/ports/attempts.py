"""Attempts, as the use cases see them in the database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from gateway.model.attempt import Attempt


class AttemptRepository(Protocol):
    """Attempts."""

    def add(self, attempt: Attempt) -> Attempt:
        """Store a new attempt (its ``id`` is ignored) and return it with its id."""
        ...

    def add_all(self, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Likewise store several, and return them in the same order, in which their ids ascend."""
        ...

    def get(self, attempt_id: int) -> Attempt | None:
        """Return an attempt."""
        ...

    def update(self, attempt: Attempt) -> None:
        """Store state, end, reason and call of an attempt."""
        ...

    def set_provider_id(self, attempt_id: int, provider: str, provider_id: str) -> None:
        """Record the provider's own id of the message."""
        ...

    def by_provider_id(self, provider: str, provider_id: str) -> Attempt | None:
        """Return the attempt that the provider's report is about."""
        ...

    def events_of(self, attempt_ids: Collection[int]) -> Mapping[int, int]:
        """Return the event of each attempt, without holding any: what is locked next should be the events."""
        ...

    def of_event(self, event_id: int) -> Sequence[Attempt]:
        """Return the event's attempts by id."""
        ...

    def of_call(self, call_id: str) -> Sequence[Attempt]:
        """Return the attempts that a call makes, by id."""
        ...

    def pending_calls(self, contact_id: int | None = None) -> Sequence[Attempt]:
        """Return the pending attempts by phone, of one contact or of all, of all events, by id."""
        ...
