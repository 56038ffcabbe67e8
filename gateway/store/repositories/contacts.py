"""Contacts in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, insert, select, update

from gateway.model.contact import Contact
from gateway.store.tables import contacts


class SqlContacts:
    """``ContactRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, contact: Contact, *, pin_hash: str | None) -> Contact:
        """See the port."""
        row = self._connection.execute(
            insert(contacts).returning(contacts),
            {
                "license_id": contact.license_id,
                "name": contact.name,
                "phone": contact.phone,
                "whatsapp": contact.whatsapp,
                "language": contact.language,
                "position": contact.position,
                "enabled": contact.enabled,
                "pin_hash": pin_hash,
                "whatsapp_window_until": contact.whatsapp_window_until,
                "phone_invalid_at": contact.phone_invalid_at,
            },
        )
        return _contact(row.mappings().one())

    def get(self, contact_id: int) -> Contact | None:
        """See the port."""
        found = self._select(contacts.c.id == contact_id)
        return found[0] if found else None

    def of_license(self, license_id: int) -> Sequence[Contact]:
        """See the port."""
        return self._select(contacts.c.license_id == license_id)

    def with_whatsapp(self, number: str) -> Sequence[Contact]:
        """See the port."""
        return self._select(contacts.c.whatsapp == number)

    def open_window(self, contact_id: int, until: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"whatsapp_window_until": until})

    def flag_phone_invalid(self, contact_id: int, at: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"phone_invalid_at": at})

    def _select(self, condition: ColumnElement[bool]) -> Sequence[Contact]:
        rows = self._connection.execute(
            select(contacts).where(condition).order_by(contacts.c.license_id, contacts.c.position, contacts.c.id)
        ).mappings()
        return [_contact(row) for row in rows]

    def _set(self, contact_id: int, values: dict[str, object]) -> None:
        self._connection.execute(update(contacts).where(contacts.c.id == contact_id), values)


def _contact(row: RowMapping) -> Contact:
    return Contact(
        id=row["id"],
        license_id=row["license_id"],
        name=row["name"],
        phone=row["phone"],
        whatsapp=row["whatsapp"],
        language=row["language"],
        position=row["position"],
        enabled=row["enabled"],
        has_pin=row["pin_hash"] is not None,
        whatsapp_window_until=row["whatsapp_window_until"],
        phone_invalid_at=row["phone_invalid_at"],
    )
