"""Contacts, as the use cases see them in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.contact import Contact
from gateway.model.whatsapp import Reach


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

    def of_licenses(self, license_ids: Collection[int] | None) -> Sequence[Contact]:
        """Return the contacts of these licenses, with ``None`` of all, by license and in their order."""
        ...

    def update(self, contact: Contact) -> None:
        """Store everything of a contact but its PIN and its license."""
        ...

    def set_pin_hash(self, contact_id: int, pin_hash: str | None) -> None:
        """Store the hash of the PIN that the contact acknowledges with; ``None`` removes it."""
        ...

    def with_whatsapp(self, *numbers: str) -> Sequence[Contact]:
        """Return every contact, of any license, that has one of these WhatsApp numbers."""
        ...

    def open_window(self, contact_id: int, until: datetime) -> None:
        """Record that WhatsApp's 24-hour window is open until then."""
        ...

    def close_window(self, contact_id: int, at: datetime) -> None:
        """Record that WhatsApp's 24-hour window is known to be closed since then."""
        ...

    def block_whatsapp(self, contact_id: int, reason: str, at: datetime) -> None:
        """Record why nothing is to be sent to the contact by WhatsApp from then on."""
        ...

    def unblock_whatsapp(self, contact_id: int) -> None:
        """Forget why nothing was to be sent by WhatsApp."""
        ...

    def whatsapp_reach(self, contact_ids: Collection[int]) -> Mapping[str, Reach]:
        """Return what is on record of the WhatsApp numbers of these contacts, by number.

        Several contacts, also of several licenses, may have one number: what any of them tells holds for all.
        """
        ...

    def pin_hash(self, contact_id: int) -> str | None:
        """Return the hash of the PIN that the contact acknowledges with; ``None`` where there is none."""
        ...

    def flag_phone_invalid(self, contact_id: int, at: datetime) -> None:
        """Record that the network knows no such number."""
        ...
