"""Users and the audit log in the database."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from gateway.model.audit import Actor, AuditEntry
from gateway.model.user import Role, User
from gateway.ports.users import SignInState
from gateway.store.tables import audit_log, user_licenses, users

_BY_ID = select(users).where(users.c.id == bindparam("which"))
_BY_EMAIL = select(users).where(users.c.email == bindparam("which"))
_ALL = select(users).order_by(users.c.email)
_LICENSES = select(user_licenses.c.user_id, user_licenses.c.license_id)
_HASH = select(users.c.password_hash).where(users.c.id == bindparam("which"))
_UPDATE = update(users).where(users.c.id == bindparam("which"))
_COUNT = select(func.count()).where(users.c.enabled, users.c.role == bindparam("which"))


class SqlUsers:
    """``UserRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, user: User, *, password_hash: str) -> User:
        """See the port."""
        values = _values(user) | {
            "password_hash": password_hash,
            "session_key": user.session_key,
            "created_at": user.created_at,
            "failed_sign_ins": 0,
        }
        row = self._connection.execute(insert(users).returning(users), values).mappings().one()
        self._set_licenses(row["id"], user.license_ids)
        return _user(row, user.license_ids)

    def get(self, user_id: int) -> User | None:
        """See the port."""
        return self._one(self._connection.execute(_BY_ID, {"which": user_id}).mappings().one_or_none())

    def by_email(self, email: str, *, lock: bool = False) -> User | None:
        """See the port."""
        query = _BY_EMAIL.with_for_update() if lock else _BY_EMAIL
        return self._one(self._connection.execute(query, {"which": email}).mappings().one_or_none())

    def list(self) -> Sequence[User]:
        """See the port."""
        theirs: dict[int, set[int]] = {}
        for user_id, license_id in self._connection.execute(_LICENSES):
            theirs.setdefault(user_id, set()).add(license_id)
        rows = self._connection.execute(_ALL).mappings()
        return [_user(row, frozenset(theirs.get(row["id"], ()))) for row in rows]

    def password_hash(self, user_id: int) -> str:
        """See the port."""
        found = self._connection.execute(_HASH, {"which": user_id}).scalar_one_or_none()
        if found is None:
            raise KeyError(user_id)
        return str(found)

    def update(self, user: User) -> None:
        """See the port."""
        self._set(user.id, _values(user))
        self._set_licenses(user.id, user.license_ids)

    def set_password(self, user_id: int, *, password_hash: str, session_key: str | None) -> None:
        """See the port."""
        values = {"password_hash": password_hash, "failed_sign_ins": 0, "locked_until": None}
        self._set(user_id, values if session_key is None else values | {"session_key": session_key})

    def note_sign_in(self, user_id: int, at: datetime) -> None:
        """See the port."""
        self._set(user_id, {"last_sign_in_at": at, "failed_sign_ins": 0, "locked_until": None})

    def note_failure(self, user_id: int, state: SignInState) -> None:
        """See the port."""
        self._set(user_id, {"failed_sign_ins": state.failed, "locked_until": state.locked_until})

    def count(self, role: Role) -> int:
        """See the port."""
        return int(self._connection.execute(_COUNT, {"which": role.value}).scalar_one())

    def _one(self, row: RowMapping | None) -> User | None:
        if row is None:
            return None
        theirs = self._connection.execute(_LICENSES.where(user_licenses.c.user_id == row["id"]))
        return _user(row, frozenset(license_id for _, license_id in theirs))

    def _set(self, user_id: int, values: Mapping[str, object]) -> None:
        self._connection.execute(_UPDATE, {"which": user_id, **values})

    def _set_licenses(self, user_id: int, license_ids: Collection[int]) -> None:
        self._connection.execute(delete(user_licenses).where(user_licenses.c.user_id == user_id))
        if license_ids:
            rows = [{"user_id": user_id, "license_id": license_id} for license_id in sorted(license_ids)]
            self._connection.execute(insert(user_licenses), rows)


class SqlAudit:
    """``AuditRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entry: AuditEntry) -> None:
        """See the port."""
        self._connection.execute(
            insert(audit_log),
            {
                "at": entry.at,
                "user_id": entry.actor.user_id,
                "actor": entry.actor.name,
                "address": entry.actor.address,
                "license_id": entry.license_id,
                "action": entry.action,
                "target": entry.target,
                "before": _dumped(entry.before),
                "after": _dumped(entry.after),
            },
        )

    def list(
        self, *, license_ids: Collection[int] | None, before_id: int | None = None, limit: int = 50
    ) -> Sequence[AuditEntry]:
        """See the port."""
        query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
        if license_ids is not None:
            query = query.where(audit_log.c.license_id.in_(sorted(license_ids)))
        if before_id is not None:
            query = query.where(audit_log.c.id < before_id)
        return [_entry(row) for row in self._connection.execute(query).mappings()]


def _values(user: User) -> dict[str, object]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "language": user.language,
        "enabled": user.enabled,
    }


def _user(row: RowMapping, license_ids: frozenset[int]) -> User:
    return User(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        enabled=row["enabled"],
        session_key=row["session_key"],
        created_at=row["created_at"],
        license_ids=license_ids,
        language=row["language"],
        last_sign_in_at=row["last_sign_in_at"],
        failed_sign_ins=row["failed_sign_ins"],
        locked_until=row["locked_until"],
    )


def _entry(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        actor=Actor(name=row["actor"], user_id=row["user_id"], address=row["address"]),
        license_id=row["license_id"],
        action=row["action"],
        target=row["target"],
        before=_loaded(row["before"]),
        after=_loaded(row["after"]),
    )


def _dumped(values: Mapping[str, object] | None) -> str | None:
    return None if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)


def _loaded(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else json.loads(text)
