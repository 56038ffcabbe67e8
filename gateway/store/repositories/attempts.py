"""Attempts in the database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, text, update

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.store.tables import PENDING_CALL, REPORTABLE_ATTEMPT, attempts, call_attempts

_ADD = insert(attempts).returning(attempts)
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
_EVENTS_OF = select(attempts.c.id, attempts.c.event_id).where(
    attempts.c.id.in_(bindparam("attempt_ids", expanding=True))
)
_ALL = select(attempts).order_by(attempts.c.id)
_OF_EVENT = _ALL.where(attempts.c.event_id == bindparam("which"))
_OF_CALL = _ALL.join(call_attempts, call_attempts.c.attempt_id == attempts.c.id).where(
    call_attempts.c.call_id == bindparam("which")
)
_PENDING_CALLS = _ALL.where(text(PENDING_CALL))
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
        row = self._connection.execute(
            _ADD,
            {
                "event_id": attempt.event_id,
                "contact_id": attempt.contact_id,
                "level": attempt.level.value,
                "number": attempt.number,
                "began_at": attempt.began_at,
                "deadline_at": attempt.deadline_at,
                **_result(attempt),
            },
        )
        return _attempt(row.mappings().one())

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

    def of_event(self, event_id: int) -> Sequence[Attempt]:
        """See the port."""
        return self._all(_OF_EVENT, event_id)

    def of_call(self, call_id: str) -> Sequence[Attempt]:
        """See the port."""
        return self._all(_OF_CALL, call_id)

    def pending_calls(self, contact_id: int | None = None) -> Sequence[Attempt]:
        """See the port."""
        return self._all(_PENDING_CALLS if contact_id is None else _PENDING_CALLS_OF_CONTACT, contact_id)

    def _first(self, query: Select[Any], **values: object) -> Attempt | None:
        row = self._connection.execute(_HELD[query] if self._holds else query, values).mappings().one_or_none()
        return None if row is None else _attempt(row)

    def _all(self, query: Select[Any], which: int | str | None) -> Sequence[Attempt]:
        return [_attempt(row) for row in self._connection.execute(query, {"which": which}).mappings()]


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
