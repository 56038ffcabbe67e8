"""Ids in addresses and forms. More digits than any database's key can have are no id, and never reach a database."""

import re

from werkzeug.routing import BaseConverter

_ID = r"[0-9]{1,18}"


class EventIdConverter(BaseConverter):
    """An event's id as a part of an address."""

    regex = _ID

    def to_python(self, value: str) -> int:
        """Return the id."""
        return int(value)


def record_id(text: str) -> int:
    """Return an id as an address's query or a form has it. Raises ``ValueError`` for what is none."""
    if not re.fullmatch(_ID, text, re.ASCII):
        raise ValueError("no id")
    return int(text)
