"""Times as scripts and people read them."""

from datetime import UTC, datetime
from typing import overload


@overload
def iso(at: datetime) -> str: ...
@overload
def iso(at: None) -> None: ...
@overload
def iso(at: datetime | None) -> str | None: ...
def iso(at: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, with milliseconds."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_microseconds(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with all that is recorded of it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
