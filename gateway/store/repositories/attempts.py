"""Attempts in the database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, insert, select, text, update

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.store.tables import PENDING_CALL, REPORTABLE_ATTEMPT, attempts, call_attempts


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
            insert(attempts).returning(attempts),
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
        return self._first(select(attempts).where(attempts.c.id == attempt_id))

    def update(self, attempt: Attempt) -> None:
        """See the port."""
        self._connection.execute(update(attempts).where(attempts.c.id == attempt.id), _result(attempt))

    def set_provider_id(self, attempt_id: int, provider: str, provider_id: str) -> None:
        """See the port."""
        self._connection.execute(
            update(attempts).where(attempts.c.id == attempt_id), {"provider": provider, "provider_id": provider_id}
        )

    def by_provider_id(self, provider: str, provider_id: str) -> Attempt | None:
        """See the port. Should a provider give one id twice, its report is taken to be about the newest attempt."""
        return self._first(
            select(attempts)
            .where(attempts.c.provider == provider, attempts.c.provider_id == provider_id, text(REPORTABLE_ATTEMPT))
            .order_by(attempts.c.id.desc())
            .limit(1)
        )

    def events_of(self, attempt_ids: Collection[int]) -> Mapping[int, int]:
        """See the port."""
        query = select(attempts.c.id, attempts.c.event_id).where(attempts.c.id.in_(attempt_ids))
        return {row.id: row.event_id for row in self._connection.execute(query)}

    def of_event(self, event_id: int) -> Sequence[Attempt]:
        """See the port."""
        return self._all(select(attempts).where(attempts.c.event_id == event_id))

    def of_call(self, call_id: str) -> Sequence[Attempt]:
        """See the port."""
        return self._all(
            select(attempts)
            .join(call_attempts, call_attempts.c.attempt_id == attempts.c.id)
            .where(call_attempts.c.call_id == call_id)
        )

    def pending_calls(self, contact_id: int) -> Sequence[Attempt]:
        """See the port."""
        return self._all(select(attempts).where(attempts.c.contact_id == contact_id, text(PENDING_CALL)))

    def _first(self, query: Select[Any]) -> Attempt | None:
        if self._holds:
            query = query.with_for_update(key_share=True)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _attempt(row)

    def _all(self, query: Select[Any]) -> Sequence[Attempt]:
        rows = self._connection.execute(query.order_by(attempts.c.id)).mappings()
        return [_attempt(row) for row in rows]


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
