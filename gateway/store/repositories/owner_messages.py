"""Owners' messages, and how far outside lists were read, in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.ports.owner_messages import OwnerMessage
from gateway.store.tables import OWNER_MESSAGE_DUE, cursors, owner_messages

_ADD = insert(owner_messages).inline()
_ALL = select(owner_messages).order_by(owner_messages.c.attempt_id)
_THIS = owner_messages.c.attempt_id == bindparam("which")
_GET = _ALL.where(_THIS)
_OF_MESSAGE = _ALL.where(
    owner_messages.c.message_id == bindparam("which_message"), owner_messages.c.chat == bindparam("which_chat")
)
_DUE = (
    select(owner_messages)
    .where(text(OWNER_MESSAGE_DUE), owner_messages.c.due_at <= bindparam("now"))
    .order_by(owner_messages.c.due_at, owner_messages.c.attempt_id)
    .limit(bindparam("most"))
)
_NUMBER = update(owner_messages).where(_THIS)
_DISCARD = delete(owner_messages).where(_THIS)
_EVENT_CHANGED = update(owner_messages).where(owner_messages.c.event_id == bindparam("which_event"))
# Whoever changed the event meanwhile has set another time: that change is still to be shown.
_UNCHANGED = update(owner_messages).where(_THIS, owner_messages.c.due_at == bindparam("seen_due_at"))
_POSITION = select(cursors.c.position).where(cursors.c.name == bindparam("which"))


class SqlOwnerMessages:
    """``OwnerMessageRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, messages: Sequence[OwnerMessage]) -> None:
        """See the port."""
        rows = [
            {
                "attempt_id": message.attempt_id,
                "event_id": message.event_id,
                "chat": message.chat,
                "message_id": message.message_id,
                "shown": message.shown,
                "tries": message.tries,
                "due_at": message.due_at,
                "reason": message.reason,
            }
            for message in messages
        ]
        if rows:
            self._connection.execute(_ADD, rows)

    def get(self, attempt_id: int) -> OwnerMessage | None:
        """See the port."""
        row = self._connection.execute(_GET, {"which": attempt_id}).mappings().one_or_none()
        return None if row is None else _message(row)

    def of_message(self, chat: str, message_id: str) -> Sequence[OwnerMessage]:
        """See the port."""
        rows = self._connection.execute(_OF_MESSAGE, {"which_chat": chat, "which_message": message_id}).mappings()
        return [_message(row) for row in rows]

    def due(self, at: datetime, limit: int) -> Sequence[OwnerMessage]:
        """See the port."""
        return [_message(row) for row in self._connection.execute(_DUE, {"now": at, "most": limit}).mappings()]

    def number(self, attempt_id: int, *, chat: str, message_id: str) -> None:
        """See the port."""
        self._connection.execute(_NUMBER, {"which": attempt_id, "chat": chat, "message_id": message_id})

    def discard(self, attempt_id: int) -> None:
        """See the port."""
        self._connection.execute(_DISCARD, {"which": attempt_id})

    def event_changed(self, event_id: int, at: datetime) -> None:
        """See the port."""
        self._connection.execute(_EVENT_CHANGED, {"which_event": event_id, "due_at": at, "tries": 0, "reason": None})

    def settle(self, message: OwnerMessage, *, shown: str, reason: str | None = None) -> None:
        """See the port. What was not due, and is shown nevertheless, becomes no less due by that."""
        values = {"shown": shown, "reason": reason, "tries": message.tries}
        if message.due_at is None:
            self._connection.execute(_NUMBER, {"which": message.attempt_id, **values})
        else:
            seen = {"which": message.attempt_id, "seen_due_at": message.due_at}
            self._connection.execute(_UNCHANGED, {**seen, **values, "due_at": None})

    def retry(self, messages: Collection[OwnerMessage], due_at: datetime) -> None:
        """See the port."""
        for message in messages:
            seen = {"which": message.attempt_id, "seen_due_at": message.due_at}
            self._connection.execute(_UNCHANGED, {**seen, "due_at": due_at, "tries": message.tries + 1})


class SqlCursors:
    """``CursorRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def position(self, name: str) -> int | None:
        """See the port."""
        found: int | None = self._connection.execute(_POSITION, {"which": name}).scalar_one_or_none()
        return found

    def move(self, name: str, position: int) -> None:
        """See the port."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        self._connection.execute(
            dialect.insert(cursors)
            .values(name=name, position=position)
            .on_conflict_do_update(index_elements=["name"], set_={"position": position})
        )


def _message(row: RowMapping) -> OwnerMessage:
    return OwnerMessage(
        attempt_id=row["attempt_id"],
        event_id=row["event_id"],
        chat=row["chat"],
        message_id=row["message_id"],
        shown=row["shown"],
        tries=row["tries"],
        due_at=row["due_at"],
        reason=row["reason"],
    )
