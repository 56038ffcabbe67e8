"""On SQLite no statement of an escalation goes through a whole table: a long history makes no step slower.

PostgreSQL plans by what is in its tables; its plans are seen with large ones, in the benchmark.
"""

import re
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus
from gateway.ports.messages import Delivery
from gateway.ports.record import Record
from gateway.ports.signals import SignalKind
from gateway.services import escalate
from gateway.services.advance import advance, survey
from gateway.services.overview import overview
from tests.records import NOW, Tenant, add_due_call, add_event, add_tenant

pytestmark = pytest.mark.databases("sqlite")

# Short by themselves: a row for each license, the notes that nobody has read yet.
_SHORT = {"chain_heads", "licenses", "signals", "sqlite_sequence"}
# Partial indexes: they hold what is under way.
_UNDER_WAY = {"ix_attempts_pending_calls", "ix_calls_unfinished", "ix_events_open", "ix_events_unfinished"}
_SCAN = re.compile(r"SCAN (?P<table>\w+)(?: USING (?:COVERING )?INDEX (?P<index>\w+))?$")


@pytest.fixture
def statements() -> Iterator[set[str]]:
    """Return the statements that were sent to any database meanwhile."""
    seen: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.add(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def _scans(sqlite_url: str, statements: set[str]) -> dict[str, list[str]]:
    """Return the statements that go through tables which grow, with what SQLite says of them."""
    found = {}
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    for statement in statements:
        if not statement.startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
            continue
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * statement.count("?")).fetchall()
        scans = [
            step
            for *_, step in plan
            if (match := _SCAN.match(step)) and match["table"] not in _SHORT and match["index"] not in _UNDER_WAY
        ]
        if scans:
            found[statement] = scans
    connection.close()
    return found


def test_a_scan_would_be_noticed(record: Record, sqlite_url: str, statements: set[str]) -> None:
    with record.read() as work:
        work.events.list(status=None, license_id=None, limit=10)
    (scans,) = _scans(sqlite_url, statements).values()
    assert scans == ["SCAN events"]


def test_no_step_of_an_escalation_goes_through_a_table_that_grows(
    record: Record, sqlite_url: str, statements: set[str]
) -> None:
    tenant = add_tenant(record)
    event_ids = [add_event(record, tenant.new_event(f"plate-{number}")) for number in range(3)]
    _escalate(record, event_ids)
    _call(record, tenant, event_ids[0])
    _end(record, event_ids)
    overview(record, None, NOW)
    overview(record, {tenant.license.id}, NOW)
    assert len(statements) > 30
    assert _scans(sqlite_url, statements) == {}


def _escalate(record: Record, event_ids: list[int]) -> None:
    looked = advance(
        record,
        {event_id: {} for event_id in event_ids},
        refusal=lambda *_, **__: None,
        now=lambda: NOW,
    )
    begun = [begun.attempt for each in looked for begun in each.begun]
    assert len(begun) == len(event_ids)
    delivery = Delivery(state=AttemptState.SENT, provider="twilio", provider_id="SM1")
    escalate.finish_messages(
        record,
        [
            escalate.MessageResult(event_id=attempt.event_id, attempt_id=attempt.id, delivery=delivery, at=NOW)
            for attempt in begun
        ],
    )
    survey(record, event_ids, NOW)
    with record.read() as work:
        assert work.attempts.events_of([attempt.id for attempt in begun])
        assert work.attempts.by_provider_id("twilio", "SM1") is not None


def _call(record: Record, tenant: Tenant, event_id: int) -> None:
    due = add_due_call(record, event_id, tenant.contacts[0].id)
    call = tenant.call()
    with record.write() as work:
        assert [attempt.id for attempt in work.attempts.pending_calls()] == [due.id]
        assert [attempt.id for attempt in work.attempts.pending_calls(tenant.contacts[0].id)] == [due.id]
        work.calls.add(call)
        work.calls.tie(call.id, [due.id])
        assert [leg.id for leg in work.calls.of_event(event_id)] == [call.id]
        assert work.calls.legs_of_attempt(due.id)
        assert work.calls.of_contact(call.contact_id, NOW - timedelta(hours=1))
        assert work.calls.to_number(call.to_number, NOW - timedelta(hours=1))
        work.commit()
    with record.read() as work:
        (attempt,) = [one for one in work.attempts.of_event(event_id) if one.level is Level.CALL]
        assert attempt.call_id == call.id


def _end(record: Record, event_ids: list[int]) -> None:
    with record.write() as work:
        work.signals.add(SignalKind.EVENT_OPENED, event_ids[0])
        work.signals.remove([signal.id for signal in work.signals.pending(10)])
        work.events.close(event_ids[0], status=EventStatus.EXHAUSTED, at=NOW, from_statuses={EventStatus.OPEN})
        work.events.finish(event_ids, NOW)
        work.commit()
