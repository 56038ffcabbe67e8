"""Attempts in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, text, update

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.store.many import among, as_arrays, insert_in_order
from gateway.store.tables import PENDING_CALL, REPORTABLE_ATTEMPT, attempts, call_attempts

_ADD = insert(attempts).returning(attempts)
_NEW = (
    "event_id",
    "contact_id",
    "level",
    "number",
    "state",
    "began_at",
    "deadline_at",
    "ended_at",
    "call_id",
    "reason",
)
_KEY = ("event_id", "contact_id", "level", "number")
_ADD_ALL = insert_in_order(attempts, _NEW, returning=("id", *_KEY))
_ADD_NUMBERED = insert(attempts).inline()
# SQLite's own note of the largest id that an AUTOINCREMENT table has had.
_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = 'attempts'")
_ID = attempts.c.id == bindparam("which")
_UPDATE = update(attempts).where(_ID)
_GET = select(attempts).where(_ID)
_BY_PROVIDER_ID = (
    select(attempts)
    .where(
        attempts.c.provider == bindparam("provider"),
        attempts.c.provider_id == bindparam("provider_id"),
        text(REPORTABLE_ATTEMPT),
    )
    .order_by(attempts.c.id.desc())
    .limit(1)
)
_HELD = {query: query.with_for_update(key_share=True) for query in (_GET, _BY_PROVIDER_ID)}
_EVENTS_OF = select(attempts.c.id, attempts.c.event_id).where(among(attempts.c.id, "attempt_ids"))
_ALL = select(attempts).order_by(attempts.c.id)
_OF_EVENT = _ALL.where(attempts.c.event_id == bindparam("which"))
_OF_EVENTS = _ALL.where(among(attempts.c.event_id, "event_ids"))
_OF_CALL = _ALL.join(call_attempts, call_attempts.c.attempt_id == attempts.c.id).where(
    call_attempts.c.call_id == bindparam("which")
)
# Put in order afterwards: for an order by id SQLite would go through the whole table.
_PENDING_CALLS = select(attempts).where(text(PENDING_CALL))
_PENDING_CALLS_OF_CONTACT = _PENDING_CALLS.where(attempts.c.contact_id == bindparam("which"))


class SqlAttempts:
    """``AttemptRepository`` on one connection.

    ``holds``: the transaction writes, so an attempt that it looked up for itself stays as it is until it ends.
    A provider's report and the engine's own result may come at the same moment.
    """

    def __init__(self, connection: Connection, *, holds: bool) -> None:
        self._connection = connection
        self._holds = holds

    def add(self, attempt: Attempt) -> Attempt:
        """See the port."""
        return _attempt(self._connection.execute(_ADD, _new(attempt)).mappings().one())

    def add_all(self, new: Sequence[Attempt]) -> Sequence[Attempt]:
        """See the port."""
        if not new:
            return ()
        if len(new) == 1:
            return (self.add(new[0]),)
        ids = self._numbered(new) if self._connection.dialect.name == "sqlite" else self._added(new)
        return [replace(attempt, id=attempt_id) for attempt, attempt_id in zip(new, ids, strict=True)]

    def _added(self, new: Sequence[Attempt]) -> Sequence[int]:
        rows = [_new(attempt) for attempt in new]
        added = {tuple(row[1:]): row.id for row in self._connection.execute(_ADD_ALL, as_arrays(_NEW, rows))}
        return [added[tuple(row[name] for name in _KEY)] for row in rows]

    def _numbered(self, new: Sequence[Attempt]) -> Sequence[int]:
        """Add them under ids of our own choice: SQLite returns those that it chose in no promised order.

        A transaction that writes is alone there, so nobody else takes the same ones.
        """
        last = self._connection.execute(_LAST_ID).scalar_one_or_none() or 0
        ids = range(last + 1, last + 1 + len(new))
        rows = [{"id": number, **_new(attempt)} for number, attempt in zip(ids, new, strict=True)]
        self._connection.execute(_ADD_NUMBERED, rows)
        return ids

    def get(self, attempt_id: int) -> Attempt | None:
        """See the port."""
        return self._first(_GET, which=attempt_id)

    def update(self, attempt: Attempt) -> None:
        """See the port."""
        self._connection.execute(_UPDATE, {"which": attempt.id, **_result(attempt)})

    def set_provider_id(self, attempt_id: int, provider: str, provider_id: str) -> None:
        """See the port."""
        self._connection.execute(_UPDATE, {"which": attempt_id, "provider": provider, "provider_id": provider_id})

    def by_provider_id(self, provider: str, provider_id: str) -> Attempt | None:
        """See the port. Should a provider give one id twice, its report is taken to be about the newest attempt."""
        return self._first(_BY_PROVIDER_ID, provider=provider, provider_id=provider_id)

    def events_of(self, attempt_ids: Collection[int]) -> Mapping[int, int]:
        """See the port."""
        rows = self._connection.execute(_EVENTS_OF, {"attempt_ids": list(attempt_ids)})
        return {row.id: row.event_id for row in rows}

    def of_events(self, event_ids: Collection[int]) -> Mapping[int, Sequence[Attempt]]:
        """Return the attempts of each of the events that has any, by id."""
        found: dict[int, list[Attempt]] = {}
        for row in self._connection.execute(_OF_EVENTS, {"event_ids": list(event_ids)}).mappings():
            found.setdefault(row["event_id"], []).append(_attempt(row))
        return found

    def of_event(self, event_id: int) -> Sequence[Attempt]:
        """See the port."""
        return self._all(_OF_EVENT, event_id)

    def of_call(self, call_id: str) -> Sequence[Attempt]:
        """See the port."""
        return self._all(_OF_CALL, call_id)

    def pending_calls(self, contact_id: int | None = None) -> Sequence[Attempt]:
        """See the port."""
        query = _PENDING_CALLS if contact_id is None else _PENDING_CALLS_OF_CONTACT
        return sorted(self._all(query, contact_id), key=attrgetter("id"))

    def _first(self, query: Select[Any], **values: object) -> Attempt | None:
        row = self._connection.execute(_HELD[query] if self._holds else query, values).mappings().one_or_none()
        return None if row is None else _attempt(row)

    def _all(self, query: Select[Any], which: int | str | None) -> Sequence[Attempt]:
        return [_attempt(row) for row in self._connection.execute(query, {"which": which}).mappings()]


def _new(attempt: Attempt) -> dict[str, object]:
    return {
        "event_id": attempt.event_id,
        "contact_id": attempt.contact_id,
        "level": attempt.level.value,
        "number": attempt.number,
        "began_at": attempt.began_at,
        "deadline_at": attempt.deadline_at,
        **_result(attempt),
    }


def _result(attempt: Attempt) -> dict[str, object]:
    return {
        "state": attempt.state.value,
        "ended_at": attempt.ended_at,
        "reason": attempt.reason,
        "call_id": attempt.call_id,
    }


def _attempt(row: RowMapping) -> Attempt:
    return Attempt(
        id=row["id"],
        event_id=row["event_id"],
        contact_id=row["contact_id"],
        level=Level(row["level"]),
        number=row["number"],
        state=AttemptState(row["state"]),
        began_at=row["began_at"],
        deadline_at=row["deadline_at"],
        ended_at=row["ended_at"],
        call_id=row["call_id"],
        reason=row["reason"],
    )
