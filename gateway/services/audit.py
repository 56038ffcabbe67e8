"""Entering changes into the audit log, in the transaction that makes them."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from gateway.model.audit import Actor, AuditEntry
from gateway.ports.record import UnitOfWork
from gateway.services.iso import iso


def note_change(
    work: UnitOfWork,
    actor: Actor,
    action: str,
    target: str,
    *,
    at: datetime,
    license_id: int | None,
    before: object = None,
    after: object = None,
) -> None:
    """Enter a change. ``before`` and ``after`` are dataclasses or mappings, of which only what differs is kept.

    ``before`` is ``None`` for what was made, ``after`` for what was removed. Neither may hold a secret.
    """
    was, became = _described(before), _described(after)
    if was is not None and became is not None:
        names = [name for name in became if was.get(name) != became[name]]
        was, became = ({name: values.get(name) for name in names} for values in (was, became))
    work.audit.add(
        AuditEntry(
            id=0, at=at, actor=actor, license_id=license_id, action=action, target=target, before=was, after=became
        )
    )


def _described(value: object) -> dict[str, object] | None:
    """Return the values as JSON holds them."""
    if value is None:
        return None
    values = dict(value) if isinstance(value, Mapping) else _fields(value)
    described: dict[str, object] = json.loads(json.dumps(values, default=_plain))
    return described


def _fields(value: object) -> dict[str, object]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"neither a dataclass nor a mapping: {type(value).__name__}")
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _plain(value: object) -> object:
    match value:
        case datetime():
            return iso(value)
        case timedelta():
            return value.total_seconds()
        case Enum():
            return value.value
        case set() | frozenset():
            return sorted(value)
        case Mapping():
            return dict(value)
        case _:
            return str(value)
