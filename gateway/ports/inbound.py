"""Messages that people sent, as the use cases see them in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A message that was taken: which event it was about, if any, and whether it was to acknowledge it."""

    provider: str
    provider_id: str
    at: datetime
    event_id: int | None
    contact_id: int | None
    acknowledges: bool


class InboundRepository(Protocol):
    """Messages that people sent."""

    def get(self, provider: str, provider_id: str) -> InboundMessage | None:
        """Return a message that was taken already."""
        ...

    def add(self, message: InboundMessage) -> bool:
        """Store a message; tell whether it is new. Another transaction that stores it at the moment is waited for."""
        ...

    def forget(self, before: datetime) -> None:
        """Drop messages that were taken before then: no provider tells of them again."""
        ...
