"""Contacts in the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, update

from gateway.model.contact import Contact
from gateway.model.whatsapp import UNKNOWN_REACH, Reach
from gateway.store.many import among
from gateway.store.tables import contacts

_ADD = insert(contacts).returning(contacts)
_IN_ORDER = select(contacts).order_by(contacts.c.license_id, contacts.c.position, contacts.c.id)
_asked = contacts.alias("asked")
_REACH = (
    select(
        contacts.c.whatsapp,
        contacts.c.whatsapp_window_until,
        contacts.c.whatsapp_blocked,
        contacts.c.whatsapp_blocked_at,
    )
    .join(_asked, _asked.c.whatsapp == contacts.c.whatsapp)
    .where(among(_asked.c.id, "contact_ids"))
)
_PIN_HASH = select(contacts.c.pin_hash).where(contacts.c.id == bindparam("which"))
_GET = select(contacts).where(contacts.c.id == bindparam("which"))
_OF_LICENSE = _IN_ORDER.where(contacts.c.license_id == bindparam("which"))
_WITH_WHATSAPP = _IN_ORDER.where(contacts.c.whatsapp.in_(bindparam("which", expanding=True)))
_UPDATE = update(contacts).where(contacts.c.id == bindparam("which"))


class SqlContacts:
    """``ContactRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, contact: Contact, *, pin_hash: str | None) -> Contact:
        """See the port."""
        row = self._connection.execute(
            _ADD,
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
                "whatsapp_blocked": contact.whatsapp_blocked,
                "whatsapp_blocked_at": contact.whatsapp_blocked_at,
            },
        )
        return _contact(row.mappings().one())

    def get(self, contact_id: int) -> Contact | None:
        """See the port."""
        found = self._select(_GET, contact_id)
        return found[0] if found else None

    def of_license(self, license_id: int) -> Sequence[Contact]:
        """See the port."""
        return self._select(_OF_LICENSE, license_id)

    def of_licenses(self, license_ids: Collection[int] | None) -> Sequence[Contact]:
        """See the port."""
        query = _IN_ORDER
        if license_ids is not None:
            query = query.where(contacts.c.license_id.in_(sorted(license_ids)))
        return [_contact(row) for row in self._connection.execute(query).mappings()]

    def update(self, contact: Contact) -> None:
        """See the port."""
        self._set(
            contact.id,
            {
                "name": contact.name,
                "phone": contact.phone,
                "whatsapp": contact.whatsapp,
                "language": contact.language,
                "position": contact.position,
                "enabled": contact.enabled,
                "whatsapp_window_until": contact.whatsapp_window_until,
                "phone_invalid_at": contact.phone_invalid_at,
                "whatsapp_blocked": contact.whatsapp_blocked,
                "whatsapp_blocked_at": contact.whatsapp_blocked_at,
            },
        )

    def set_pin_hash(self, contact_id: int, pin_hash: str | None) -> None:
        """See the port."""
        self._set(contact_id, {"pin_hash": pin_hash})

    def with_whatsapp(self, *numbers: str) -> Sequence[Contact]:
        """See the port."""
        return self._select(_WITH_WHATSAPP, numbers)

    def open_window(self, contact_id: int, until: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"whatsapp_window_until": until})

    def close_window(self, contact_id: int, at: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"whatsapp_window_until": at})

    def block_whatsapp(self, contact_id: int, reason: str, at: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"whatsapp_blocked": reason, "whatsapp_blocked_at": at})

    def unblock_whatsapp(self, contact_id: int) -> None:
        """See the port."""
        self._set(contact_id, {"whatsapp_blocked": None, "whatsapp_blocked_at": None})

    def whatsapp_reach(self, contact_ids: Collection[int]) -> Mapping[str, Reach]:
        """See the port. Of several reasons not to send, the newest."""
        found: dict[str, Reach] = {}
        if contact_ids:
            rows = self._connection.execute(_REACH, {"contact_ids": list(contact_ids)})
            for number, until, blocked, blocked_at in rows:
                new = Reach(window_until=until, blocked=blocked, blocked_at=blocked_at)
                found[number] = _together(found.get(number, UNKNOWN_REACH), new)
        return found

    def pin_hash(self, contact_id: int) -> str | None:
        """See the port."""
        return self._connection.execute(_PIN_HASH, {"which": contact_id}).scalar_one_or_none()

    def flag_phone_invalid(self, contact_id: int, at: datetime) -> None:
        """See the port."""
        self._set(contact_id, {"phone_invalid_at": at})

    def _select(self, query: Select[Any], which: int | Sequence[str]) -> Sequence[Contact]:
        return [_contact(row) for row in self._connection.execute(query, {"which": which}).mappings()]

    def _set(self, contact_id: int, values: dict[str, object]) -> None:
        self._connection.execute(_UPDATE, {"which": contact_id, **values})


def _together(one: Reach, other: Reach) -> Reach:
    windows = [each.window_until for each in (one, other) if each.window_until is not None]
    newest = max((one, other), key=lambda each: each.blocked_at.timestamp() if each.blocked_at else 0.0)
    return Reach(window_until=max(windows, default=None), blocked=newest.blocked, blocked_at=newest.blocked_at)


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
        whatsapp_blocked=row["whatsapp_blocked"],
        whatsapp_blocked_at=row["whatsapp_blocked_at"],
    )
