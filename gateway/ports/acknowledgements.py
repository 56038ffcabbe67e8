"""Acknowledgements and their links, as the use cases see them in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.acknowledgement import Acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class AckLink:
    """A link that acknowledges one event for one contact, or (``None``) for the license's owner."""

    id: int
    event_id: int
    contact_id: int | None
    expires_at: datetime
    revoked_at: datetime | None = None


class AcknowledgementRepository(Protocol):
    """Acknowledgements and their links."""

    def add(self, acknowledgement: Acknowledgement) -> None:
        """Store one."""
        ...

    def first_of(self, event_id: int) -> Acknowledgement | None:
        """Return the acknowledgement that stopped the event."""
        ...

    def of_contact(self, event_id: int, contact_id: int) -> Acknowledgement | None:
        """Return this contact's acknowledgement of the event."""
        ...

    def add_link(self, event_id: int, contact_id: int | None, expires_at: datetime) -> AckLink:
        """Return the link of that event and contact (``None``: the owner), made now where there is none."""
        ...

    def add_links(self, links: Sequence[tuple[int, int | None, datetime]]) -> Sequence[AckLink]:
        """Likewise for several, each an event, a contact and the time when it expires; in the same order."""
        ...

    def owner_links(self, event_ids: Collection[int]) -> Mapping[int, AckLink]:
        """Return the owner's link of each of these events that has one."""
        ...

    def link(self, link_id: int) -> AckLink | None:
        """Return a link."""
        ...
