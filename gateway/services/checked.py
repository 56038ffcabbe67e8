"""Values as people write them, checked and in their usual form."""

import re
from collections.abc import Callable, Sequence

from gateway.model.contact import Contact
from gateway.services.exceptions import InvalidValueError, PositionTakenError

_LONGEST_NAME = 200
_LARGEST_POSITION = 1_000_000


def valid(name: str, parse: Callable[[str], str], value: str) -> str:
    """Return a parsed value. Raises ``InvalidValueError`` under the ``name`` for what the parser refuses."""
    try:
        return parse(value.strip())
    except ValueError as error:
        raise InvalidValueError(name, str(error)) from None


def name_of(value: str) -> str:
    """Return a name. Raises ``InvalidValueError``."""
    name = value.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidValueError("name", f"must be 1 to {_LONGEST_NAME} printable characters")
    return name


def contact_target(contact: Contact) -> str:
    """Return how the audit log names a contact."""
    return f"contact {contact.id}, {contact.name}"


def pin_of(value: str) -> str:
    """Return a PIN. Raises ``InvalidValueError``."""
    if not re.fullmatch(r"[0-9]{4,10}", value):
        raise InvalidValueError("pin", "must be 4 to 10 digits")
    return value


def position_among(others: Sequence[Contact], wanted: int | None) -> int:
    """Return a place in the order beside the other contacts; ``None`` asks for the last.

    Raises ``InvalidValueError`` and ``PositionTakenError``.
    """
    if wanted is None:
        return max((contact.position for contact in others), default=0) + 1
    if not 1 <= wanted <= _LARGEST_POSITION:
        raise InvalidValueError("position", f"must be 1 to {_LARGEST_POSITION}")
    for contact in others:
        if contact.position == wanted:
            raise PositionTakenError(wanted, contact.name)
    return wanted
