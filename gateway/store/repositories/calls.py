"""Calls in the database."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.call import Call, CallOutcome, CallQuality
from gateway.model.chain import at_microseconds, microseconds
from gateway.store.many import among
from gateway.store.tables import UNFINISHED_CALL, attempts, call_attempts, calls

_ADD = insert(calls).inline()
_ID = calls.c.id == bindparam("which")
_GET = select(calls).where(_ID)
_HELD = _GET.with_for_update(key_share=True)
_BY_PROVIDER_CALL_ID = select(calls).where(
    calls.c.provider_call_id == bindparam("which"), calls.c.provider == bindparam("provider")
)
_UPDATE = update(calls).where(_ID)
_ALL = select(calls).order_by(calls.c.sequence)
_OF_EVENT = _ALL.where(
    calls.c.id.in_(
        select(call_attempts.c.call_id)
        .join(attempts, attempts.c.id == call_attempts.c.attempt_id)
        .where(attempts.c.event_id == bindparam("which"))
    )
)
_OF_ATTEMPT = _ALL.where(
    calls.c.id.in_(select(call_attempts.c.call_id).where(call_attempts.c.attempt_id == bindparam("which")))
)
_UNFINISHED = _ALL.where(text(UNFINISHED_CALL))
_UNFINISHED_OF_CONTACT = _UNFINISHED.where(calls.c.contact_id == bindparam("which"))
_SINCE = calls.c.started_at >= bindparam("since")
_OF_CONTACT = _ALL.where(calls.c.contact_id == bindparam("which"), _SINCE)
_TO_NUMBER = _ALL.where(calls.c.to_number == bindparam("which"), _SINCE)
_TIE = {
    "sqlite": sqlite.insert(call_attempts).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(call_attempts).on_conflict_do_nothing(),
}
_LOCK_NUMBER = text("SELECT pg_advisory_xact_lock(:class, hashtext(:number))")
# Any number will do that nobody else takes for locks of two halves; the engine's lock has the one before.
_NUMBER_CLASS = 0x746F6374
_SET_LATEST = update(attempts).where(among(attempts.c.id, "attempt_ids"))


class SqlCalls:
    """``CallRepository`` on one connection.

    ``holds``: the transaction writes, so a leg that it looked up by its id stays as it is until it ends.
    """

    def __init__(self, connection: Connection, *, holds: bool) -> None:
        self._connection = connection
        self._holds = holds
        self._begun: set[str] = set()
        self.news: list[Call] = []
        """The legs that this transaction added, and those that it ended."""

    def add(self, call: Call) -> None:
        """See the port."""
        self._connection.execute(_ADD, {"id": call.id, **_columns(call)})
        self.news.append(call)

    def get(self, call_id: str) -> Call | None:
        """See the port."""
        query = _HELD if self._holds else _GET
        row = self._connection.execute(query, {"which": call_id}).mappings().one_or_none()
        if row is None:
            return None
        call = call_of_row(row)
        if self._holds and call.ended_at is None:
            self._begun.add(call_id)
        return call

    def update(self, call: Call) -> None:
        """See the port."""
        self._connection.execute(_UPDATE, {"which": call.id, **_columns(call)})
        if call.ended_at is not None and call.id in self._begun:
            self._begun.discard(call.id)
            self.news.append(call)

    def by_provider_call_id(self, provider: str, provider_call_id: str) -> Call | None:
        """See the port."""
        found = self._select(_BY_PROVIDER_CALL_ID, provider_call_id, provider=provider)
        return found[0] if found else None

    def of_event(self, event_id: int) -> Sequence[Call]:
        """See the port."""
        return self._select(_OF_EVENT, event_id)

    def tie(self, call_id: str, attempt_ids: Collection[int]) -> None:
        """See the port. What is tied already stays so; each attempt's latest leg is this one from now on."""
        if not attempt_ids:
            return
        ties = [{"call_id": call_id, "attempt_id": attempt_id} for attempt_id in attempt_ids]
        self._connection.execute(_TIE[self._connection.dialect.name], ties)
        self._connection.execute(_SET_LATEST, {"attempt_ids": list(attempt_ids), "call_id": call_id})

    def legs_of_attempt(self, attempt_id: int) -> Sequence[Call]:
        """See the port."""
        return self._select(_OF_ATTEMPT, attempt_id)

    def unfinished(self, *, contact_id: int | None = None) -> Sequence[Call]:
        """See the port."""
        return self._select(_UNFINISHED if contact_id is None else _UNFINISHED_OF_CONTACT, contact_id)

    def of_contact(self, contact_id: int, since: datetime) -> Sequence[Call]:
        """See the port."""
        return self._select(_OF_CONTACT, contact_id, since=since)

    def lock_number(self, number: str) -> None:
        """See the port.

        No row stands for a number: the server's own lock does, which ends with the transaction. Two numbers with the
        same hash wait for each other in vain. On SQLite there is nothing to do: a transaction that writes is alone.
        """
        if self._connection.dialect.name != "sqlite":
            self._connection.execute(_LOCK_NUMBER, {"class": _NUMBER_CLASS, "number": number})

    def to_number(self, number: str, since: datetime) -> Sequence[Call]:
        """See the port."""
        return self._select(_TO_NUMBER, number, since=since)

    def _select(self, query: Select[Any], which: int | str | None, **more: object) -> Sequence[Call]:
        return [call_of_row(row) for row in self._connection.execute(query, {"which": which, **more}).mappings()]


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
        "ringing_at": call.ringing_at,
        "sip_call_id": call.sip_call_id,
        "audio_sha256": call.audio_sha256,
        "digit_times": json.dumps([microseconds(at) for at in call.digit_times]),
        "provider_call_id": call.provider_call_id,
        "post_dial_delay_ms": call.post_dial_delay_ms,
        "quality": None if call.quality is None else json.dumps(asdict(call.quality)),
    }


def call_of_row(row: RowMapping) -> Call:
    """Return the call that a row of the table ``calls`` holds."""
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
        ringing_at=row["ringing_at"],
        sip_call_id=row["sip_call_id"],
        audio_sha256=row["audio_sha256"],
        digit_times=tuple(at_microseconds(count) for count in json.loads(row["digit_times"] or "[]")),
        provider_call_id=row["provider_call_id"],
        post_dial_delay_ms=row["post_dial_delay_ms"],
        quality=None if row["quality"] is None else CallQuality(**json.loads(row["quality"])),
    )
