"""Licenses in the database."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from gateway.model.license import License
from gateway.store.json_text import dump_object, dump_templates, load_object, load_templates
from gateway.store.tables import licenses

_ADD = insert(licenses).returning(licenses)
_ID = licenses.c.id == bindparam("license_id")
_GET = select(licenses).where(_ID)
_LOCK = select(licenses.c.id).where(_ID).with_for_update(key_share=True)
_LIST = select(licenses).order_by(licenses.c.id)
_UPDATE = update(licenses).where(_ID)
_MOVE_OWNER = update(licenses).where(licenses.c.owner_telegram == bindparam("chat")).returning(licenses.c.id)


class SqlLicenses:
    """``LicenseRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, license_: License) -> License:
        """See the port."""
        row = self._connection.execute(_ADD, {**_columns(license_), "created_at": license_.created_at})
        return license_of(row.mappings().one())

    def get(self, license_id: int) -> License | None:
        """See the port."""
        row = self._connection.execute(_GET, {"license_id": license_id}).mappings().one_or_none()
        return None if row is None else license_of(row)

    def lock(self, license_id: int) -> None:
        """See the port.

        NO KEY: rows that point at the license can be inserted meanwhile. On SQLite there is nothing to do: a
        transaction that writes is alone there.
        """
        if self._connection.dialect.name != "sqlite":
            self._connection.execute(_LOCK, {"license_id": license_id}).all()

    def list(self) -> Sequence[License]:
        """See the port."""
        rows = self._connection.execute(_LIST).mappings()
        return [license_of(row) for row in rows]

    def update(self, license_: License) -> None:
        """See the port."""
        self._connection.execute(_UPDATE, {"license_id": license_.id, **_columns(license_)})

    def set_templates(self, license_id: int, templates: Mapping[str, Mapping[str, str]]) -> None:
        """See the port."""
        kept = dump_object(dump_templates(templates))
        self._connection.execute(_UPDATE, {"license_id": license_id, "templates": kept})

    def move_owner(self, chat: str, new_chat: str) -> Sequence[int]:
        """See the port."""
        moved = self._connection.execute(_MOVE_OWNER, {"chat": chat, "owner_telegram": new_chat})
        return sorted(moved.scalars())


def license_of(row: RowMapping) -> License:
    """Return the license that a row holds."""
    return License(
        id=row[licenses.c.id],
        name=row[licenses.c.name],
        active=row[licenses.c.active],
        tier=row[licenses.c.tier],
        time_zone=row[licenses.c.time_zone],
        language=row[licenses.c.language],
        owner_telegram=row[licenses.c.owner_telegram],
        handoff_number=row[licenses.c.handoff_number],
        created_at=row[licenses.c.created_at],
        policy=load_object(row[licenses.c.policy]),
        caps=_caps(row[licenses.c.caps]),
        overdraft=row[licenses.c.overdraft],
        templates=load_templates(row[licenses.c.templates]),
    )


def _columns(license_: License) -> dict[str, object]:
    return {
        "name": license_.name,
        "active": license_.active,
        "tier": license_.tier,
        "time_zone": license_.time_zone,
        "language": license_.language,
        "owner_telegram": license_.owner_telegram,
        "handoff_number": license_.handoff_number,
        "policy": dump_object(license_.policy),
        "caps": dump_object(license_.caps),
        "overdraft": license_.overdraft,
    }


def _caps(text: str) -> dict[str, int | None]:
    return {key: None if value is None else int(str(value)) for key, value in load_object(text).items()}
