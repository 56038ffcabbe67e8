"""Contacts, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.contact import Contact


class ContactRepository(Protocol):
    """Contacts."""

    def add(self, contact: Contact, *, pin_hash: str | None) -> Contact:
        """Store a new contact (its ``id`` is ignored) and return it with its id."""
        ...

    def get(self, contact_id: int) -> Contact | None:
        """Return a contact."""
        ...

    def of_license(self, license_id: int) -> Sequence[Contact]:
        """Return the license's contacts in their order."""
        ...

    def with_whatsapp(self, number: str) -> Sequence[Contact]:
        """Return every contact, of any license, that has this WhatsApp number."""
        ...

    def open_window(self, contact_id: int, until: datetime) -> None:
        """Record that WhatsApp's 24-hour window is open until then."""
        ...

    def with_open_window(self, contact_ids: Collection[int], at: datetime) -> Collection[int]:
        """Return those of the contacts whose WhatsApp window is known to be open then."""
        ...

    def pin_hash(self, contact_id: int) -> str | None:
        """Return the hash of the PIN that the contact acknowledges with; ``None`` where there is none."""
        ...

    def flag_phone_invalid(self, contact_id: int, at: datetime) -> None:
        """Record that the network knows no such number."""
        ...
