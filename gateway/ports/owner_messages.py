"""Owners' messages and how far outside lists were read, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

_NOT_SENT = "?"


def not_sent_yet(attempt_id: int) -> str:
    """Return what stands for the id of a message that the provider has not numbered yet, by its first attempt."""
    return f"{_NOT_SENT}{attempt_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerMessage:
    """What an owner's message shows of one event; a message about several events has as many of these.

    ``message_id`` is the provider's id within the chat, or ``not_sent_yet`` of the message's first attempt.
    ``shown`` is the event's status that the message tells, ``due_at`` when it is to be brought up to date (``None``:
    not at all), ``tries`` how often that has failed, ``reason`` why it was given up.
    """

    attempt_id: int
    event_id: int
    chat: str
    message_id: str
    shown: str
    tries: int = 0
    due_at: datetime | None = None
    reason: str | None = None

    @property
    def numbered(self) -> bool:
        """Whether the provider's id is known: without it the message cannot be edited."""
        return not self.message_id.startswith(_NOT_SENT)


class OwnerMessageRepository(Protocol):
    """Owners' messages."""

    def add(self, messages: Sequence[OwnerMessage]) -> None:
        """Store new ones."""
        ...

    def get(self, attempt_id: int) -> OwnerMessage | None:
        """Return what an attempt's message shows."""
        ...

    def of_message(self, chat: str, message_id: str) -> Sequence[OwnerMessage]:
        """Return all that one message shows, by attempt."""
        ...

    def due(self, at: datetime, limit: int) -> Sequence[OwnerMessage]:
        """Return those that are to be brought up to date by now, the longest due first."""
        ...

    def number(self, attempt_id: int, *, chat: str, message_id: str) -> None:
        """Store where an attempt's message is and what its provider calls it, once it was sent."""
        ...

    def discard(self, attempt_id: int) -> None:
        """Remove what was noted of a message that certainly was not sent."""
        ...

    def event_changed(self, event_id: int, at: datetime) -> None:
        """Note that the event's messages are to be brought up to date."""
        ...

    def settle(self, message: OwnerMessage, *, shown: str, reason: str | None = None) -> None:
        """Store that a message is up to date, or is given up, unless its event has changed since it was read."""
        ...

    def retry(self, messages: Collection[OwnerMessage], due_at: datetime) -> None:
        """Store when a message is tried again, likewise."""
        ...


class CursorRepository(Protocol):
    """How far lists of other systems have been read."""

    def position(self, name: str) -> int | None:
        """Return where to go on reading; ``None`` where nothing was read yet."""
        ...

    def move(self, name: str, position: int) -> None:
        """Store where to go on."""
        ...
