"""The daily caps on calls and minutes, from the calls on record, on both databases; commands that refuse numbers."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.call_safety import CallSafety
from gateway.ports.phone import CallEnded
from gateway.ports.record import Record
from gateway.services import calls
from gateway.services.call_safety import CallGuard
from gateway.services.line_requests import wanted_line
from tests.command_line import CommandLine
from tests.integration.quota_rig import NOW, QuotaRig

NUMBER = "+15550123"


def refusal(rig: QuotaRig, *, after: timedelta = timedelta(), **caps: int) -> str | None:
    guard = CallGuard(CallSafety(**caps), counted_for=0)
    return guard.refusal(rig.record, NUMBER, license_id=rig.license_id, at=NOW + after)


def called(rig: QuotaRig, seconds: int = 0) -> None:
    call_id = rig.dial(rig.due_call())
    assert call_id is not None
    rig.hang_up(call_id, seconds, answered=bool(seconds))


def test_calls_are_counted_by_the_day(record: Record) -> None:
    rig = QuotaRig(record)
    called(rig)
    assert refusal(rig, calls_per_day=2) is None
    called(rig)
    assert refusal(rig, calls_per_day=2) == "calls_per_day_reached"
    assert refusal(rig, after=timedelta(hours=13), calls_per_day=2) is None, "the next day, in UTC"


def test_minutes_are_counted_by_the_day(record: Record) -> None:
    rig = QuotaRig(record)
    called(rig, seconds=61)
    called(rig, seconds=50)
    assert refusal(rig, minutes_per_day=2) is None
    called(rig, seconds=20)
    assert refusal(rig, minutes_per_day=2) == "minutes_per_day_reached"


def test_a_license_has_caps_and_a_day_of_its_own(record: Record) -> None:
    rig = QuotaRig(record, time_zone="Pacific/Auckland")  # Midnight there is 11:00 in UTC.
    other = QuotaRig(record)
    called(rig)
    assert refusal(rig, license_calls_per_day=1) == "license_calls_per_day_reached"
    assert refusal(other, license_calls_per_day=1) is None
    assert refusal(rig, after=timedelta(hours=23), license_calls_per_day=1) is None
    called(other, seconds=60)
    assert refusal(other, license_minutes_per_day=1) == "license_minutes_per_day_reached"


def test_what_no_trunk_carried_does_not_count(record: Record) -> None:
    rig = QuotaRig(record)
    call_id = rig.dial(rig.due_call())
    assert call_id is not None
    ended = CallEnded(call_id=call_id, at=NOW, outcome=CallOutcome.TRUNK_TROUBLE, hangup_cause=34)
    calls.end_call(record, ended, quota=rig.quota)
    assert refusal(rig, calls_per_day=1) is None


def test_a_call_beyond_the_cap_is_skipped_before_it_waits_for_a_line(record: Record) -> None:
    rig = QuotaRig(record)
    called(rig)
    attempt = rig.due_call()
    guard = CallGuard(CallSafety(calls_per_day=1), counted_for=0)
    wanted = wanted_line(
        record,
        contact_id=rig.contacts[0].id,
        due={attempt.id: attempt.event_id},
        guard=guard,
        at=NOW,
    )
    assert (wanted.request, wanted.attempt_ids) == (None, frozenset())
    skipped = rig.attempt(attempt.id)
    assert (skipped.state, skipped.reason) == (AttemptState.SKIPPED, "calls_per_day_reached")
    with record.read() as work:
        last = work.timeline.of_event(attempt.event_id)[-1]
    assert last.detail["reason"] == "calls_per_day_reached"


@pytest.mark.parametrize(
    "arguments",
    [
        ("contact", "add", "--license", "1", "--name", "Ana", "--phone", "+19005551234"),
        ("license", "add", "--name", "Acme", "--tier", "pro", "--handoff-number", "+49110"),
        ("license", "set", "1", "--handoff-number", "+881612345678"),
    ],
)
def test_commands_refuse_numbers_that_would_never_be_called(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    tocsin = CommandLine(tmp_path)
    tocsin.json("license", "add", "--name", "Acme", "--tier", "pro")
    refused = tocsin(*arguments)
    assert refused.status == 2
    assert "would never be called" in refused.err
    assert refused.out == ""
