"""Calls in the database."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, TextClause, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.call import Call, CallOutcome
from gateway.store.tables import UNFINISHED_CALL, attempts, call_attempts, calls


class SqlCalls:
    """``CallRepository`` on one connection.

    ``holds``: the transaction writes, so a leg that it looked up by its id stays as it is until it ends.
    """

    def __init__(self, connection: Connection, *, holds: bool) -> None:
        self._connection = connection
        self._holds = holds

    def add(self, call: Call) -> None:
        """See the port."""
        self._connection.execute(insert(calls), {"id": call.id, **_columns(call)})

    def get(self, call_id: str) -> Call | None:
        """See the port."""
        query = select(calls).where(calls.c.id == call_id)
        if self._holds:
            query = query.with_for_update(key_share=True)
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _call(row)

    def update(self, call: Call) -> None:
        """See the port."""
        self._connection.execute(update(calls).where(calls.c.id == call.id), _columns(call))

    def of_event(self, event_id: int) -> Sequence[Call]:
        """See the port."""
        legs = (
            select(call_attempts.c.call_id)
            .join(attempts, attempts.c.id == call_attempts.c.attempt_id)
            .where(attempts.c.event_id == event_id)
        )
        return self._select(calls.c.id.in_(legs))

    def tie(self, call_id: str, attempt_ids: Collection[int]) -> None:
        """See the port. What is tied already stays so; each attempt's latest leg is this one from now on."""
        if not attempt_ids:
            return
        ties = [{"call_id": call_id, "attempt_id": attempt_id} for attempt_id in attempt_ids]
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        self._connection.execute(dialect.insert(call_attempts).on_conflict_do_nothing(), ties)
        self._connection.execute(update(attempts).where(attempts.c.id.in_(attempt_ids)), {"call_id": call_id})

    def legs_of_attempt(self, attempt_id: int) -> Sequence[Call]:
        """See the port."""
        legs = select(call_attempts.c.call_id).where(call_attempts.c.attempt_id == attempt_id)
        return self._select(calls.c.id.in_(legs))

    def unfinished(self, *, contact_id: int | None = None) -> Sequence[Call]:
        """See the port."""
        whose = [] if contact_id is None else [calls.c.contact_id == contact_id]
        return self._select(text(UNFINISHED_CALL), *whose)

    def _select(self, *conditions: ColumnElement[bool] | TextClause) -> Sequence[Call]:
        rows = self._connection.execute(select(calls).where(*conditions).order_by(calls.c.sequence)).mappings()
        return [_call(row) for row in rows]


def _columns(call: Call) -> dict[str, object]:
    return {
        "license_id": call.license_id,
        "contact_id": call.contact_id,
        "provider": call.provider,
        "node": call.node,
        "trunk": call.trunk,
        "to_number": call.to_number,
        "caller_id": call.caller_id,
        "started_at": call.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "sip_cause": call.sip_cause,
        "hangup_cause": call.hangup_cause,
        "digits": call.digits,
        "outcome": None if call.outcome is None else call.outcome.value,
        "billed_seconds": call.billed_seconds,
    }


def _call(row: RowMapping) -> Call:
    return Call(
        id=row["id"],
        license_id=row["license_id"],
        contact_id=row["contact_id"],
        provider=row["provider"],
        node=row["node"],
        trunk=row["trunk"],
        to_number=row["to_number"],
        caller_id=row["caller_id"],
        started_at=row["started_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        sip_cause=row["sip_cause"],
        hangup_cause=row["hangup_cause"],
        digits=row["digits"],
        outcome=None if row["outcome"] is None else CallOutcome(row["outcome"]),
        billed_seconds=row["billed_seconds"],
    )
