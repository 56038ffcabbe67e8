"""A user: somebody who signs in to the pages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a user may do: a superadmin everything, an admin what belongs to their licenses, a viewer look at it."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signs in. ``license_ids`` are those they see; a superadmin sees all, whatever stands there.

    ``session_key`` changes with the password: a sign-in under an older one has ended.
    ``language`` is the pages', ``None`` for the browser's.
    """

    id: int
    email: str
    name: str
    role: Role
    enabled: bool
    session_key: str
    created_at: datetime
    license_ids: frozenset[int] = frozenset()
    language: str | None = None
    last_sign_in_at: datetime | None = None
    failed_sign_ins: int = 0
    locked_until: datetime | None = None
