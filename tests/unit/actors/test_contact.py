"""ContactActor, built unstarted, its messages handed to it one by one."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from actors.line_messages import LineUnused
from actors.messages import CallOverdue, CallPrepared, EventChanged, PlaceCall, PrepareAgain, Withdraw
from gateway.config.schema import Config
from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome
from gateway.ports.phone import CallAnswered, CallEnded, CallNeverDialled, KeyPressed
from gateway.services import call_queries
from gateway.services.due import due_alerts
from gateway.services.lines import Line
from gateway.store import open_record
from tests.unit.actors.contact_desk import NOW, Desk


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    record = open_record(sqlite_url)
    desk = Desk(record, Config())
    yield desk
    desk.pool.stop(5)
    record.close()


def test_a_call_is_on_record_before_the_phone_hears_of_it(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    assert [order.call_id for order in desk.phone.placed] == [call_id]
    with desk.record.read() as work:
        assert work.calls.get(call_id) is not None
        assert [attempt.id for attempt in work.attempts.of_call(call_id)] == [attempt_id]


def test_being_told_twice_places_one_call(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.tell(PlaceCall(desk.contact.id, event_id, attempt_id))
    desk.prepare()
    desk.tell(PlaceCall(desk.contact.id, event_id, attempt_id))
    assert len(desk.booth.asked) == 1
    assert len(desk.phone.placed) == 1


def test_what_falls_due_during_a_call_waits_and_is_announced_together(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    waiting = [desk.due(title)[1] for title in ("Two", "Three")]
    assert len(desk.booth.asked) == 1, "one call at a time"
    desk.end(first, CallOutcome.NO_ANSWER)
    assert desk.booth.asked[-1][1] == tuple(waiting)


def test_what_is_left_for_a_call_of_its_own_is_called_about_next(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    together, left = (desk.due(title)[1] for title in ("Two", "Three"))
    desk.end(first, CallOutcome.NO_ANSWER)
    second = desk.prepare(left=left)
    with desk.record.read() as work:
        assert [attempt.id for attempt in work.attempts.of_call(second)] == [together]
    assert desk.state(left) is AttemptState.PENDING
    desk.end(second, CallOutcome.NO_ANSWER)
    assert desk.booth.asked[-1][1] == (left,)


def test_trunk_trouble_goes_on_in_the_same_attempt(desk: Desk) -> None:
    _, attempt_id = desk.due()
    desk.end(desk.prepare(), CallOutcome.TRUNK_TROUBLE)
    assert desk.state(attempt_id) is AttemptState.PENDING
    assert desk.booth.asked[-1][1] == (attempt_id,)
    (alert,) = due_alerts(desk.record, [attempt_id], NOW)
    assert alert.trunks_in_trouble == {"first"}
    second = desk.prepare()
    desk.end(second, CallOutcome.BUSY)
    assert desk.state(attempt_id) is AttemptState.MISSED


def test_a_leg_that_never_reached_the_network_says_nothing_of_its_trunk_unless_it_happens_again_and_again(
    desk: Desk,
) -> None:
    _, attempt_id = desk.due()
    in_trouble = []
    for _ in range(3):
        desk.report(CallEnded(call_id=desk.prepare(), at=NOW, outcome=CallOutcome.TRUNK_TROUBLE))
        (alert,) = due_alerts(desk.record, [attempt_id], NOW)
        in_trouble.append(alert.trunks_in_trouble)
    assert in_trouble == [frozenset(), frozenset(), {"first"}]


def test_a_leg_that_is_to_be_dialled_again_waits_a_moment_for_its_phone_system_and_no_longer(desk: Desk) -> None:
    _, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(CallNeverDialled(call_id))

    def out_of_reach() -> None:
        preparation, asked_for, _ = desk.booth.asked[-1]
        desk.tell(CallPrepared(desk.contact.id, preparation, asked_for, asked_for, None, "out_of_reach", may_pass=True))

    out_of_reach()
    assert desk.state(attempt_id) is AttemptState.PENDING
    desk.tell(PrepareAgain(desk.booth.asked[-1][0]))
    assert len(desk.booth.asked) == 3, "it is tried again"
    desk.clock.at += timedelta(minutes=1)
    out_of_reach()
    assert isinstance(desk.booth.asked[-1][2], Line), "another line is asked for, in the same attempt"
    assert desk.state(attempt_id) is AttemptState.PENDING


def test_an_event_that_is_over_before_the_call_is_dialled_is_not_called_about(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.acknowledge(event_id)
    call_id = desk.prepare()
    assert desk.phone.placed == []
    assert LineUnused(call_id) in desk.switchboard.told
    assert desk.state(attempt_id) is AttemptState.CANCELLED


def test_an_acknowledgement_elsewhere_hangs_a_ringing_call_up(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.acknowledge(event_id)
    assert desk.phone.hung_up == [call_id]
    desk.end(call_id, CallOutcome.CANCELLED)
    assert desk.state(attempt_id) is AttemptState.CANCELLED
    assert desk.phone.forgotten == [call_id]


def test_a_call_goes_on_while_it_still_announces_an_open_event(desk: Desk) -> None:
    desk.due("One")
    first = desk.prepare()
    (two, _), (three, _) = desk.due("Two"), desk.due("Three")
    desk.end(first, CallOutcome.NO_ANSWER)
    bundled = desk.prepare()
    desk.acknowledge(two)
    assert desk.phone.hung_up == []
    desk.acknowledge(three)
    assert desk.phone.hung_up == [bundled]


def test_a_callee_in_mid_message_is_told_that_somebody_else_has_it(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    desk.report(CallAnswered(call_id, NOW))
    desk.acknowledge(event_id)
    assert desk.booth.stood_down == [call_id]
    assert desk.phone.hung_up == []


def test_key_1_acknowledges_and_is_confirmed_and_its_call_is_not_hung_up(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "1", 1, NOW))
    desk.tell(Withdraw(desk.contact.id, event_id))
    ((result,),) = desk.booth.confirmed
    assert (result.event_id, result.first, result.by) == (event_id, True, "Ana")
    assert desk.phone.hung_up == []
    assert desk.booth.stood_down == []
    desk.end(call_id, CallOutcome.NO_KEY)
    assert desk.state(attempt_id) is AttemptState.ACKNOWLEDGED


def test_a_key_that_is_reported_twice_is_recorded_once(desk: Desk) -> None:
    event_id, _ = desk.due()
    call_id = desk.prepare()
    for _ in range(2):
        desk.report(KeyPressed(call_id, "1", 1, NOW))
    call = call_queries.find(desk.record, call_id)
    assert call is not None
    assert call.digits == "1"
    with desk.record.read() as work:
        kinds = [entry.type.value for entry in work.timeline.of_event(event_id)]
    assert kinds.count("acknowledged") == 1
    assert kinds.count("key_pressed") == 1


def test_key_2_hands_off_and_the_event_goes_on(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.report(KeyPressed(call_id, "2", 1, NOW))
    assert desk.state(attempt_id) is AttemptState.HANDED_OFF
    assert EventChanged(event_id) in desk.told
    desk.acknowledge(event_id)
    assert desk.phone.hung_up == [], "the conversation with the operator is not cut"
    assert desk.timers.delays[-1] > timedelta(hours=1)


def test_a_leg_that_was_never_dialled_is_dialled_under_its_own_id(desk: Desk) -> None:
    desk.due()
    call_id = desk.prepare()
    desk.report(CallNeverDialled(call_id))
    assert desk.prepare() == call_id
    assert [order.call_id for order in desk.phone.placed] == [call_id, call_id]


def test_a_leg_that_was_never_dialled_is_dropped_when_its_event_is_over(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.acknowledge(event_id)
    desk.report(CallNeverDialled(call_id))
    assert len(desk.phone.placed) == 1
    assert desk.state(attempt_id) is AttemptState.CANCELLED


def test_a_call_whose_end_is_never_reported_is_missed_but_its_key_counts_when_it_is_found(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    desk.tell(CallOverdue(desk.contact.id, call_id))
    assert desk.state(attempt_id) is AttemptState.MISSED
    desk.report(KeyPressed(call_id, "1", 1, NOW))
    with desk.record.read() as work:
        event = work.events.get(event_id)
    assert event is not None
    assert event.acknowledged_by == "Ana"


def test_after_a_restart_the_call_in_progress_is_looked_up_and_not_placed_again(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    call_id = desk.prepare()
    successor = desk.new_actor()
    successor.on_start()
    successor.on_receive(PlaceCall(desk.contact.id, event_id, attempt_id))
    assert desk.phone.looked_up == [call_id]
    assert len(desk.booth.asked) == 1
    assert len(desk.phone.placed) == 1


def test_after_a_restart_a_waiting_call_about_an_event_that_is_over_is_cancelled(desk: Desk) -> None:
    event_id, attempt_id = desk.due()
    desk.actor = desk.new_actor()
    desk.acknowledge(event_id)
    assert desk.state(attempt_id) is AttemptState.CANCELLED
    assert EventChanged(event_id) in desk.told


def test_an_invalid_number_is_flagged(desk: Desk) -> None:
    _, attempt_id = desk.due()
    desk.end(desk.prepare(), CallOutcome.INVALID_NUMBER)
    assert desk.state(attempt_id) is AttemptState.INVALID_NUMBER
    with desk.record.read() as work:
        contact = work.contacts.get(desk.contact.id)
    assert contact is not None
    assert contact.phone_invalid_at == NOW
