"""Edits of contacts. There is no use case for them yet: the rows are set, as an administrator's page would set them."""

from collections.abc import Sequence

from sqlalchemy import update

from gateway.store import SqlRecord
from gateway.store.tables import contacts


def set_number(record: SqlRecord, contact_id: int, number: str) -> None:
    _set(record, contact_id, phone=number, whatsapp=number)


def set_enabled(record: SqlRecord, contact_id: int, *, enabled: bool) -> None:
    _set(record, contact_id, enabled=enabled)


def set_language(record: SqlRecord, contact_id: int, language: str) -> None:
    _set(record, contact_id, language=language)


def set_positions(record: SqlRecord, contact_ids: Sequence[int]) -> None:
    for position, contact_id in enumerate(contact_ids, start=1):
        _set(record, contact_id, position=position)


def _set(record: SqlRecord, contact_id: int, **values: object) -> None:
    with record.write() as work:
        work._connection.execute(update(contacts).where(contacts.c.id == contact_id).values(**values))
        work.commit()
