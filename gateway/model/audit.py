"""The audit log: who changed what, when, and how it was before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who makes a change. ``user_id`` is that of somebody who is signed in; ``address`` is where they came from."""

    name: str
    user_id: int | None = None
    address: str | None = None


COMMAND_LINE = Actor(name="command line")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change. ``before`` and ``after`` hold the values that differ; both are ``None`` for what changes nothing.

    ``action`` has two parts, as in ``contact.changed``; ``target`` names what was changed (``contact 4, Ana``).
    ``license_id`` is whose it is, ``None`` for what belongs to the installation.
    """

    id: int
    at: datetime
    actor: Actor
    license_id: int | None
    action: str
    target: str
    before: Mapping[str, object] | None = field(default=None)
    after: Mapping[str, object] | None = field(default=None)
