"""Those who sign in to the pages: who they are, and how they get in."""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.config.schema import parse_language
from gateway.model.audit import COMMAND_LINE, Actor
from gateway.model.user import Role, User
from gateway.ports.record import Record, UnitOfWork
from gateway.ports.users import SignInState
from gateway.services.audit import note_change
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError, UnknownUserError
from gateway.services.passwords import Passwords

# After so many wrong passwords in a row the user is locked out: first for a minute, then for twice as long each time.
FAILURES_ALLOWED = 5
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)
_DOUBLINGS = 6  # lead past the longest lock

_LONGEST_EMAIL = 254
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What became of a try to sign in. Without a ``user``: wrong, or, with ``locked_until``, not looked at."""

    user: User | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What to change of a user; ``None`` leaves a value as it is. An empty ``language`` is the browser's."""

    name: str | None = None
    role: Role | None = None
    license_ids: Collection[int] | None = None
    language: str | None = None
    enabled: bool | None = None


def sign_in(record: Record, passwords: Passwords, *, email: str, password: str, at: datetime, by: Actor) -> SignIn:
    """Look at a password, count wrong ones, and lock the user out after too many. Raises nothing for wrong ones."""
    with record.read() as work:
        user = work.users.by_email(_folded(email))
        password_hash = work.users.password_hash(user.id) if user is not None else None
    if user is not None and user.locked_until is not None and at < user.locked_until:
        return SignIn(locked_until=user.locked_until)
    # Outside of any transaction, because it takes its time.
    right = passwords.verify(password, password_hash)
    if user is None or password_hash is None:
        return SignIn()
    newer_hash = passwords.hash(password) if right and passwords.is_outdated(password_hash) else None
    with record.write() as work:
        present = work.users.by_email(user.email, lock=True)
        if present is None or not present.enabled or present.session_key != user.session_key:
            return SignIn()
        if present.locked_until is not None and at < present.locked_until:
            return SignIn(locked_until=present.locked_until)
        if not right:
            failed = _fail(work, present, at, by)
            work.commit()
            return failed
        work.users.note_sign_in(present.id, at)
        if newer_hash is not None:
            work.users.set_password(present.id, password_hash=newer_hash, session_key=None)
        actor = replace(by, name=present.email, user_id=present.id)
        note_change(work, actor, "user.signed_in", _target(present), at=at, license_id=None)
        work.commit()
    return SignIn(user=present)


def add_user(
    record: Record,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    at: datetime,
    name: str = "",
    role: Role = Role.SUPERADMIN,
    license_ids: Collection[int] = (),
    language: str | None = None,
    by: Actor = COMMAND_LINE,
) -> User:
    """Record a new user. Raises ``ServiceError``."""
    checked_email = _email(email)
    user = User(
        id=0,
        email=checked_email,
        name=_name(name or checked_email.partition("@")[0]),
        role=role,
        enabled=True,
        session_key=_session_key(),
        created_at=at,
        license_ids=frozenset(license_ids),
        language=_language(language),
    )
    password_hash = passwords.hash(password)
    with record.write() as work:
        _check(work, user)
        if work.users.by_email(user.email) is not None:
            raise InvalidValueError("email", f"{user.email} is a user already")
        added = work.users.add(user, password_hash=password_hash)
        note_change(work, by, "user.added", _target(added), at=at, license_id=None, after=_shown(added))
        work.commit()
    return added


def change_user(record: Record, user_id: int, change: UserChange, *, at: datetime, by: Actor = COMMAND_LINE) -> User:
    """Change a user. Who is disabled, or loses a license, sees nothing of it from the next request on.

    Raises ``ServiceError``, also where nobody would be left who may do everything.
    """
    with record.write() as work:
        present = _user(work, user_id)
        changed = replace(
            present,
            name=present.name if change.name is None else _name(change.name),
            role=change.role or present.role,
            license_ids=present.license_ids if change.license_ids is None else frozenset(change.license_ids),
            language=present.language if change.language is None else _language(change.language),
            enabled=present.enabled if change.enabled is None else change.enabled,
        )
        _check(work, changed)
        work.users.update(changed)
        if not work.users.count(Role.SUPERADMIN):
            raise InvalidValueError("role", "this is the last superadmin: make another one first")
        note_change(
            work,
            by,
            "user.changed",
            _target(changed),
            at=at,
            license_id=None,
            before=_shown(present),
            after=_shown(changed),
        )
        work.commit()
    return changed


def set_password(
    record: Record, passwords: Passwords, *, user_id: int, password: str, at: datetime, by: Actor = COMMAND_LINE
) -> User:
    """Give a user another password. Every sign-in under the former one has ended. Raises ``ServiceError``."""
    password_hash = passwords.hash(password)
    with record.write() as work:
        user = _user(work, user_id)
        work.users.set_password(user_id, password_hash=password_hash, session_key=_session_key())
        note_change(work, by, "user.password_set", _target(user), at=at, license_id=None)
        work.commit()
        return _user(work, user_id)


def password_is_right(record: Record, passwords: Passwords, user: User, password: str) -> bool:
    """Tell whether it is the user's password, as before a change of it."""
    with record.read() as work:
        password_hash = work.users.password_hash(user.id)
    return passwords.verify(password, password_hash)


def find_user(record: Record, email: str) -> User:
    """Return the user with that e-mail address. Raises ``UnknownUserError``."""
    with record.read() as work:
        user = work.users.by_email(_folded(email))
    if user is None:
        raise UnknownUserError(email)
    return user


def list_users(record: Record) -> Sequence[User]:
    """Return all users by their e-mail addresses."""
    with record.read() as work:
        return work.users.list()


def _fail(work: UnitOfWork, user: User, at: datetime, by: Actor) -> SignIn:
    failed = user.failed_sign_ins + 1
    locked_until = None
    if failed >= FAILURES_ALLOWED:
        locked_until = at + min(FIRST_LOCK * 2 ** min(failed - FAILURES_ALLOWED, _DOUBLINGS), LONGEST_LOCK)
        note_change(work, by, "user.locked_out", _target(user), at=at, license_id=None, after={"until": locked_until})
    work.users.note_failure(user.id, SignInState(failed=failed, locked_until=locked_until))
    return SignIn(locked_until=locked_until)


def _check(work: UnitOfWork, user: User) -> None:
    if user.role is not Role.SUPERADMIN and not user.license_ids:
        raise InvalidValueError("license", f"a user with the role {user.role.value} needs at least one license")
    for license_id in sorted(user.license_ids):
        if work.licenses.get(license_id) is None:
            raise UnknownLicenseError(license_id)


def _user(work: UnitOfWork, user_id: int) -> User:
    user = work.users.get(user_id)
    if user is None:
        raise UnknownUserError(str(user_id))
    return user


def _shown(user: User) -> dict[str, object]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "license_ids": user.license_ids,
        "language": user.language,
        "enabled": user.enabled,
    }


def _target(user: User) -> str:
    return f"user {user.id}, {user.email}"


def _session_key() -> str:
    return secrets.token_urlsafe(24)


def _folded(email: str) -> str:
    return email.strip().lower()


def _email(value: str) -> str:
    email = _folded(value)
    # Only what no address can do without: whether mail arrives is nothing that a pattern can tell.
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or not email.isprintable() or len(email) > _LONGEST_EMAIL:
        raise InvalidValueError("email", "must be an e-mail address")
    return email


def _name(value: str) -> str:
    name = value.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidValueError("name", f"must be 1 to {_LONGEST_NAME} printable characters")
    return name


def _language(value: str | None) -> str | None:
    try:
        return parse_language(value.strip()) if value else None
    except ValueError as error:
        raise InvalidValueError("language", str(error)) from None
