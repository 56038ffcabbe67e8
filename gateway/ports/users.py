"""Users and the audit log, as the use cases see them in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.model.audit import AuditEntry
from gateway.model.user import Role, User


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInState:
    """What is kept of failed sign-ins of one user."""

    failed: int
    locked_until: datetime | None


class UserRepository(Protocol):
    """Those who sign in to the pages."""

    def add(self, user: User, *, password_hash: str) -> User:
        """Store a new user (their ``id`` is ignored) and return them with their id. The e-mail address is free."""
        ...

    def get(self, user_id: int) -> User | None:
        """Return a user."""
        ...

    def by_email(self, email: str, *, lock: bool = False) -> User | None:
        """Return the user with that e-mail address, in lower case; with ``lock`` nobody else changes them meanwhile."""
        ...

    def list(self) -> Sequence[User]:
        """Return all users by their e-mail addresses."""
        ...

    def password_hash(self, user_id: int) -> str:
        """Return the hash of the user's password. Raises ``KeyError`` where there is no such user."""
        ...

    def update(self, user: User) -> None:
        """Store everything of a user but the password and the failed sign-ins."""
        ...

    def set_password(self, user_id: int, *, password_hash: str, session_key: str | None) -> None:
        """Store another hash, and a new session key unless ``None``; failed sign-ins are forgotten."""
        ...

    def note_sign_in(self, user_id: int, at: datetime) -> None:
        """Store that the user signed in; failed sign-ins are forgotten."""
        ...

    def note_failure(self, user_id: int, state: SignInState) -> None:
        """Store what is kept of failed sign-ins."""
        ...

    def count(self, role: Role) -> int:
        """Return how many enabled users have that role."""
        ...


class AuditRepository(Protocol):
    """The audit log. Entries are only ever added."""

    def add(self, entry: AuditEntry) -> None:
        """Store an entry (its ``id`` is ignored)."""
        ...

    def list(
        self, *, license_ids: Collection[int] | None, before_id: int | None = None, limit: int = 50
    ) -> Sequence[AuditEntry]:
        """Return entries, the newest first: of these licenses, or with ``None`` of all and of the installation.

        ``before_id`` continues a list: only older entries than that.
        """
        ...
