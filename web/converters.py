"""Parts of addresses."""

from werkzeug.routing import BaseConverter


class EventIdConverter(BaseConverter):
    """An event's id. More digits than any database's key can have are no id, and never reach a database."""

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """Return the id."""
        return int(value)
