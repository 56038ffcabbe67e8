"""Call detail records in the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, TextClause, func, or_, select, text

from gateway.model.call import Call, CallOutcome
from gateway.ports.call_details import CallFilter, CallTally, DelayTally
from gateway.store.repositories.calls import call_of_row
from gateway.store.tables import UNFINISHED_CALL, attempts, call_attempts, calls

_IN_ORDER = (calls.c.started_at, calls.c.id)
_NEWEST_FIRST = (calls.c.started_at.desc(), calls.c.id.desc())
_END = (calls.c.outcome, calls.c.sip_cause, calls.c.hangup_cause)
_WAY = (calls.c.provider, calls.c.trunk)
# More licenses than this are asked for together: that many questions would take longer than a sort.
_MOST_ASKED_SINGLY = 20


class SqlCallDetails:
    """``CallDetailRepository`` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, wanted: CallFilter, *, after: Call | None, limit: int) -> Sequence[Call]:
        """See the port. Each page begins where an index says, so that the last takes no longer than the first."""
        query = _fitting(select(calls), wanted).order_by(*_IN_ORDER).limit(limit)
        if after is not None:
            began = calls.c.started_at
            # The first half alone tells SQLite where in its index to begin.
            query = query.where(began >= after.started_at, or_(began > after.started_at, calls.c.id > after.id))
        return self._calls(query)

    def newest(self, wanted: CallFilter, *, limit: int, before: Call | None = None) -> Sequence[Call]:
        """See the port. Of several licenses each is asked by itself: no index holds their calls together in order."""
        if wanted.license_ids is None or len(wanted.license_ids) > _MOST_ASKED_SINGLY:
            return self._newest(wanted, limit, before)
        each = [
            self._newest(replace(wanted, license_ids=frozenset({one})), limit, before) for one in wanted.license_ids
        ]
        return sorted(chain.from_iterable(each), key=lambda call: (call.started_at, call.id), reverse=True)[:limit]

    def count(self, wanted: CallFilter) -> int:
        """See the port."""
        return int(self._connection.execute(_fitting(select(func.count()).select_from(calls), wanted)).scalar_one())

    def with_id_like(self, beginning: str, *, limit: int) -> Sequence[Call]:
        """See the port."""
        fitting = calls.c.id.startswith(beginning, autoescape=True)
        return self._calls(select(calls).where(fitting).order_by(calls.c.id).limit(limit))

    def events_of(self, call_ids: Collection[str]) -> Mapping[str, Sequence[int]]:
        """See the port."""
        query = (
            select(call_attempts.c.call_id, attempts.c.event_id)
            .join(attempts, attempts.c.id == call_attempts.c.attempt_id)
            .where(call_attempts.c.call_id.in_(call_ids))
            .order_by(attempts.c.event_id)
        )
        found: dict[str, list[int]] = {}
        for call_id, event_id in self._connection.execute(query):
            found.setdefault(call_id, []).append(event_id)
        return found

    def tallies(self, wanted: CallFilter) -> Sequence[CallTally]:
        """See the port."""
        answered = calls.c.answered_at.is_not(None)
        seconds = func.coalesce(func.sum(calls.c.billed_seconds), 0)
        query = select(*_WAY, *_END, answered.label("answered"), func.count(), seconds)
        rows = self._connection.execute(_fitting(query, wanted).group_by(*_WAY, *_END, answered))
        return [
            CallTally(
                provider=provider,
                trunk=trunk,
                outcome=None if outcome is None else CallOutcome(outcome),
                sip_cause=sip_cause,
                hangup_cause=hangup_cause,
                answered=bool(was_answered),
                calls=count,
                billed_seconds=int(billed),
            )
            for provider, trunk, outcome, sip_cause, hangup_cause, was_answered, count, billed in rows
        ]

    def delay_tallies(self, wanted: CallFilter) -> Sequence[DelayTally]:
        """See the port."""
        delay = calls.c.post_dial_delay_ms
        query = select(*_WAY, delay, func.count()).where(delay.is_not(None))
        rows = self._connection.execute(_fitting(query, wanted).group_by(*_WAY, delay).order_by(delay))
        return [
            DelayTally(provider=provider, trunk=trunk, post_dial_delay_ms=milliseconds, calls=count)
            for provider, trunk, milliseconds, count in rows
        ]

    def _newest(self, wanted: CallFilter, limit: int, before: Call | None) -> Sequence[Call]:
        query = _fitting(select(calls), wanted).order_by(*_NEWEST_FIRST).limit(limit)
        if before is not None:
            began = calls.c.started_at
            query = query.where(began <= before.started_at, or_(began < before.started_at, calls.c.id < before.id))
        return self._calls(query)

    def _calls(self, query: Select[Any]) -> Sequence[Call]:
        return [call_of_row(row) for row in self._connection.execute(query).mappings()]


def _fitting(query: Select[Any], wanted: CallFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool] | TextClause] = []
    if wanted.license_id is not None:
        conditions.append(calls.c.license_id == wanted.license_id)
    if wanted.license_ids is not None:
        ids = sorted(wanted.license_ids)
        conditions.append(calls.c.license_id == ids[0] if len(ids) == 1 else calls.c.license_id.in_(ids))
    if wanted.contact_id is not None:
        conditions.append(calls.c.contact_id == wanted.contact_id)
    if wanted.trunk is not None:
        conditions.append(calls.c.trunk == wanted.trunk)
    if wanted.outcome is not None:
        conditions.append(calls.c.outcome == wanted.outcome.value)
    if wanted.number is not None:
        conditions.append(calls.c.to_number == wanted.number)
    if wanted.in_progress:
        conditions.append(text(UNFINISHED_CALL))
    if wanted.since is not None:
        conditions.append(calls.c.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(calls.c.started_at < wanted.until)
    return query.where(*conditions)
