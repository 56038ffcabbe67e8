"""ContactActor and the lines that it asks for."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from actors.line_messages import (
    AskerFailed,
    AskForLine,
    LineAlive,
    LineEnded,
    LineGranted,
    LineRefused,
    LineUnused,
    WaitedForLine,
    WithdrawRequest,
)
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.model.event import Severity
from gateway.ports.phone import CallRinging
from gateway.services.lines import Line, LineRequest
from gateway.store import open_record
from tests.unit.actors.contact_desk import NOW, Desk


@pytest.fixture
def busy(sqlite_url: str) -> Iterator[Desk]:
    """A desk at which no line is free."""
    record = open_record(sqlite_url)
    desk = Desk(record, Config())
    desk.lines_are_free = False
    yield desk
    desk.pool.stop(5)
    record.close()


def wanted(desk: Desk) -> LineRequest:
    request = desk.switchboard.wanted
    assert request is not None, "a line is asked for"
    return request


def serve(desk: Desk) -> None:
    granted = desk.switchboard.line()
    assert granted is not None
    desk.tell(granted)


def test_what_falls_due_while_it_waits_for_a_line_is_announced_by_the_same_call(busy: Desk) -> None:
    first, second = busy.due("One")[1], busy.due("Two")[1]
    assert busy.booth.asked == []
    serve(busy)
    assert [attempt_ids for _, attempt_ids, _ in busy.booth.asked] == [(first, second)]


def test_a_critical_event_that_joins_raises_the_request(busy: Desk) -> None:
    busy.due("One", severity=Severity.INFO)
    before = wanted(busy).urgency
    busy.due("Two", severity=Severity.CRITICAL)
    assert wanted(busy).urgency < before
    assert wanted(busy).urgency.rank == 0


def test_whoever_is_acknowledged_while_they_wait_is_not_called(busy: Desk) -> None:
    event_id, attempt_id = busy.due()
    busy.acknowledge(event_id)
    assert busy.switchboard.told[-1] == WithdrawRequest(busy.contact.id)
    assert busy.state(attempt_id) is AttemptState.CANCELLED
    assert busy.phone.placed == []


def test_a_grant_that_comes_too_late_goes_back(busy: Desk) -> None:
    event_id, _ = busy.due()
    granted = busy.switchboard.line()
    busy.acknowledge(event_id)
    assert granted is not None
    busy.tell(granted)
    assert busy.switchboard.told[-1] == LineUnused(granted.line.call_id)
    assert busy.booth.asked == []


def test_a_second_grant_during_a_call_goes_back(busy: Desk) -> None:
    busy.due()
    serve(busy)
    busy.prepare()
    busy.tell(LineGranted(Line(call_id="f" * 32, trunk="second", contact_id=busy.contact.id)))
    assert busy.switchboard.told[-1] == LineUnused("f" * 32)
    assert len(busy.phone.placed) == 1


def test_when_lines_stay_busy_for_too_long_the_ladder_goes_on_and_the_timeline_says_why(busy: Desk) -> None:
    event_id, attempt_id = busy.due()
    assert timedelta(seconds=59) < busy.timers.delays[-1] <= timedelta(seconds=60)
    busy.clock.at += timedelta(seconds=61)
    busy.tell(WaitedForLine())
    assert busy.state(attempt_id) is AttemptState.UNAVAILABLE
    assert busy.switchboard.wanted is None
    with busy.record.read() as work:
        (last,) = work.timeline.of_event(event_id)[-1:]
    assert last.detail["reason"] == "no_free_line"


def test_what_joined_later_waits_for_its_own_time(busy: Desk) -> None:
    _, early = busy.due("One")
    busy.clock.at += timedelta(seconds=40)
    _, late = busy.due("Two")
    busy.clock.at += timedelta(seconds=21)
    busy.tell(WaitedForLine())
    assert [busy.state(each) for each in (early, late)] == [AttemptState.UNAVAILABLE, AttemptState.PENDING]
    assert busy.switchboard.wanted is not None


def test_a_wait_that_is_over_when_the_line_has_come_changes_nothing(busy: Desk) -> None:
    _, attempt_id = busy.due()
    serve(busy)
    busy.clock.at += timedelta(seconds=61)
    busy.tell(WaitedForLine())
    assert busy.state(attempt_id) is AttemptState.PENDING


def test_when_no_trunk_can_carry_it_the_attempt_ends_unavailable(busy: Desk) -> None:
    _, attempt_id = busy.due()
    busy.tell(LineRefused("every_trunk_in_trouble"))
    assert busy.state(attempt_id) is AttemptState.UNAVAILABLE


def test_an_attempt_that_tried_every_trunk_does_not_take_a_fresh_one_down_with_it(busy: Desk) -> None:
    _, tried = busy.due("One")
    serve(busy)
    call_id = busy.prepare()
    _, fresh = busy.due("Two")
    busy.end(call_id, CallOutcome.TRUNK_TROUBLE)
    assert wanted(busy).avoid == {"first"}
    busy.tell(LineRefused("every_trunk_in_trouble"))
    assert [busy.state(each) for each in (tried, fresh)] == [AttemptState.UNAVAILABLE, AttemptState.PENDING]
    assert wanted(busy).avoid == frozenset()


def test_the_switchboard_hears_that_the_phone_rings_and_that_the_call_is_over(busy: Desk) -> None:
    busy.due()
    serve(busy)
    call_id = busy.prepare()
    busy.report(CallRinging(call_id, NOW))
    assert busy.switchboard.told[-1] == LineAlive(call_id)
    busy.end(call_id, CallOutcome.BUSY)
    ended = busy.switchboard.told[-1]
    assert isinstance(ended, LineEnded)
    assert ended.report.call_id == call_id


def test_an_actor_that_fails_says_so_to_the_switchboard(busy: Desk) -> None:
    busy.due()
    busy.actor.on_fault(RuntimeError("broken"))
    assert busy.switchboard.told[-1] == AskerFailed(busy.contact.id)


def test_a_call_that_is_capped_returns_its_line(busy: Desk) -> None:
    busy.due()
    serve(busy)
    line_id = busy.prepare_nothing()
    assert LineUnused(line_id) in busy.switchboard.told
    assert isinstance(busy.switchboard.told[0], AskForLine)
