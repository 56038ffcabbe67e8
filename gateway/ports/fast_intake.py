"""Recording alerts in which there is nothing to decide, as the use case sees it in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.model.contact import Contact
from gateway.model.event import Severity
from gateway.model.policy import Snapshot
from gateway.ports.sources import SourceCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSource:
    """A source as it was at one moment, with its license and that one's contacts.

    ``mark`` tells whether they are still the same: of any change to them comes another mark.
    """

    mark: str
    sender: SourceCredentials
    contacts: Sequence[Contact]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainEvent:
    """An event to be opened, provided that nothing stands in its way.

    That is: the source has still this ``mark``, no event of the source and the key was created at or after
    ``repeats_since`` (resolved ones aside), and fewer than ``most`` events of the license were accepted at or after
    ``counts_since``. ``snapshot`` is the text that ``FastIntakeRecord.text_of`` gave, ``detail`` that of the
    timeline's entry.
    """

    source_id: int
    license_id: int
    mark: str
    title: str
    body: str
    severity: Severity
    dedup_key: str
    payload: str
    created_at: datetime
    snapshot: str
    detail: Mapping[str, object]
    repeats_since: datetime
    counts_since: datetime
    most: int


class Declined(StrEnum):
    """Why an event was not opened."""

    CHANGED = "changed"  # the source, its license or a contact is not as it was seen
    NOT_PLAIN = "not plain"  # there is something to decide, or somebody else is at work for the license


class FastIntakeRecord(Protocol):
    """The part of the database that records plain events, many in one transaction.

    Every method may raise ``RecordUnavailableError``.
    """

    def seen(self, token_hash: bytes) -> SeenSource | None:
        """Return the source that has the token with this keyed hash, be it disabled; former tokens are not known."""
        ...

    def text_of(self, snapshot: Snapshot) -> str:
        """Return a snapshot as it is recorded."""
        ...

    def open_events(self, events: Sequence[PlainEvent]) -> Sequence[int | Declined]:
        """Open those of the events that are plain, in their order, each with its timeline entry and its signal.

        Returns, in that order, the new ids, or why an event was declined. What has an id is durable. Waits for nobody
        who works on the same licenses. Raises whatever the database does, and then has recorded nothing.
        """
        ...
