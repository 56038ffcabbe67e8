"""The phone over Twilio by itself: what is placed, looked for, given up. No callback ever reaches the gateway here."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.model.call import CallOutcome, MachinePolicy
from gateway.ports.phone import (
    CallAnswered,
    CallRinging,
    PhoneNodeUp,
)
from tests.clouds import FakeTwilio, Fault
from tests.clouds.twilio_callee import rings_out, turns_away
from tests.clouds.twilio_voice import CreateFault
from tests.integration.twilio_desk import NUMBER, VOICE_FROM, Desk
from tests.waiting import until


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with FakeTwilio() as twilio:
        desk = Desk(twilio, tmp_path)
        desk.phone.start()
        yield desk
        desk.phone.stop()
        for call in twilio.voice.calls:
            with call.changed:
                call.wanted = call.wanted or "canceled"
                call.changed.notify_all()
            until(lambda call=call: call.is_over, 10, "the call is over")  # type: ignore[misc]
        assert not twilio.rejected


def test_the_call_is_created_as_it_was_ordered(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, turns_away("busy", 486))
    order, call = desk.placed(ring=2.2, machine=MachinePolicy.LEAVE_MESSAGE, handoff_number="+15550999")
    assert call.fields == {
        "To": NUMBER,
        "From": VOICE_FROM,
        "Url": f"http://127.0.0.1:9/answer?call={order.call_id}",
        "Method": "POST",
        "FallbackUrl": f"http://127.0.0.1:9/answer?call={order.call_id}",
        "FallbackMethod": "POST",
        "StatusCallback": f"http://127.0.0.1:9/status?call={order.call_id}",
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "StatusCallbackMethod": "POST",
        "Timeout": "3",
        "TimeLimit": "14400",
        "MachineDetection": "DetectMessageEnd",
    }
    end = desk.ended(order)
    assert (end.outcome, end.provider_call_id, end.caller_id) == (CallOutcome.BUSY, call.sid, VOICE_FROM)
    assert end.audio_sha256 is not None
    assert desk.reports[0] == PhoneNodeUp("twilio")


def test_an_announcement_without_an_operator_is_limited_to_ten_minutes(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, turns_away("no-answer"))
    order, call = desk.placed(ring=0.2, machine=MachinePolicy.HANG_UP)
    assert (call.fields["TimeLimit"], call.fields["MachineDetection"], call.fields["Timeout"]) == ("600", "Enable", "1")
    assert desk.ended(order).outcome is CallOutcome.NO_ANSWER


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.GARBAGE, CreateFault.ERROR, CreateFault.HANGS])
def test_a_call_that_may_have_been_created_is_searched_for(desk: Desk, fault: Fault | CreateFault) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    if isinstance(fault, CreateFault):
        desk.twilio.voice.fail_create(fault)
    else:
        desk.twilio.fail(fault, times=1)
    order, call = desk.placed()
    desk.reported(CallRinging)
    assert desk.book.calls[order.call_id].provider_call_id == call.sid
    desk.twilio.voice.release()
    desk.phone.hang_up(order.call_id)
    assert desk.ended(order).outcome is CallOutcome.CANCELLED
    assert call.status == "canceled"
    assert len(desk.twilio.voice.calls) == 1, "one order, one call"


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.SERVER_ERROR])
def test_a_call_of_which_nothing_is_ever_heard_is_lost_and_not_repeated(desk: Desk, fault: Fault) -> None:
    desk.twilio.fail(fault, times=1)
    order = desk.place()
    assert desk.ended(order).outcome is CallOutcome.LOST
    assert CallOutcome.LOST.is_missed, "no other provider dials it again"
    assert not desk.twilio.voice.calls
    asked = [request.method for request in desk.twilio.requests if request.path.endswith("/Calls.json")]
    assert asked.count("POST") == 1
    assert asked.count("GET") > 1


def test_a_call_that_twilio_does_not_list_is_found_through_its_report(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    desk.twilio.voice.listed = False
    desk.twilio.voice.fail_create(CreateFault.ERROR)
    order, call = desk.placed()
    # The web has recorded what Twilio's report said.
    desk.book.keep(order.call_id, call.sid)
    desk.reported(CallRinging)
    desk.phone.hang_up(order.call_id)
    assert desk.ended(order).outcome is CallOutcome.CANCELLED


def test_one_of_two_calls_to_a_number_is_not_guessed(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    for _ in range(2):
        desk.twilio.voice.fail_create(CreateFault.ERROR)
    orders = [desk.placed()[0] for _ in range(2)]
    assert {desk.ended(order).outcome for order in orders} == {CallOutcome.LOST}
    assert not [each for each in desk.reports if isinstance(each, CallRinging)]


def test_another_legs_call_is_not_taken_for_ours(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    _, other = desk.placed()
    desk.book.taken.add(other.sid)
    desk.twilio.voice.fail_create(CreateFault.ERROR)
    order, mine = desk.placed()
    until(lambda: desk.book.calls[order.call_id].provider_call_id, 10, "it is found")
    assert desk.book.calls[order.call_id].provider_call_id == mine.sid


def test_an_older_call_to_the_number_is_not_taken_for_ours(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    _, older = desk.placed()
    older.created_at -= timedelta(minutes=5)
    desk.twilio.fail(Fault.SERVER_ERROR, times=1)
    order = desk.place()
    assert desk.ended(order).outcome is CallOutcome.LOST


def test_a_connection_that_never_stood_is_trunk_trouble_at_once(desk: Desk) -> None:
    desk.twilio.go_down()
    order = desk.place()
    end = desk.ended(order)
    assert (end.outcome, end.hangup_cause) == (CallOutcome.TRUNK_TROUBLE, 38)
    desk.twilio.come_back()


@pytest.mark.parametrize(
    ("code", "status", "outcome", "cause"),
    [
        (21211, 400, CallOutcome.INVALID_NUMBER, 28),
        (21214, 400, CallOutcome.INVALID_NUMBER, 28),
        (21217, 400, CallOutcome.INVALID_NUMBER, 28),
        (21210, 400, CallOutcome.TRUNK_TROUBLE, 21),
        (21215, 400, CallOutcome.TRUNK_TROUBLE, 21),
        (20003, 401, CallOutcome.TRUNK_TROUBLE, 21),
        (20429, 429, CallOutcome.TRUNK_TROUBLE, 42),
    ],
)
def test_a_refusal_is_known_for_what_it_is(
    desk: Desk, code: int, status: int, outcome: CallOutcome, cause: int
) -> None:
    desk.twilio.voice.refuse(NUMBER, code, "Refused", status=status)
    order = desk.place()
    end = desk.ended(order)
    assert (end.outcome, end.hangup_cause) == (outcome, cause)


def test_a_leg_hung_up_before_it_was_dialled_is_never_dialled(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    for _ in range(4):
        desk.twilio.voice.fail_create(CreateFault.HANGS)
    for _ in range(4):
        desk.placed()  # all threads are busy
    order = desk.place()
    desk.phone.hang_up(order.call_id)
    desk.twilio.voice.release()
    assert desk.ended(order).outcome is CallOutcome.CANCELLED
    assert len(desk.twilio.voice.calls) == 4


def test_a_last_word_for_a_ringing_phone_is_to_hang_up(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order, call = desk.placed()
    call.wait_status("ringing")
    desk.phone.say_and_hang_up(order.call_id, desk.directory / "over.wav")
    assert desk.ended(order).outcome is CallOutcome.CANCELLED
    assert call.status == "canceled"


def test_legs_of_an_earlier_life_are_taken_up(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    first, ringing = desk.placed()
    second, over = desk.placed()
    over.wait_status("ringing")
    desk.phone.stop()
    with over.changed:
        over.wanted = "canceled"
        over.changed.notify_all()
    until(lambda: over.is_over, 10, "the second call is over")
    desk.reports.clear()
    desk.phone = desk.new_phone()
    desk.phone.start()
    desk.phone.look_up("twilio", [first.call_id, second.call_id, "f" * 32])
    desk.phone.look_up("pbx1", [first.call_id])
    desk.reported(CallRinging)
    assert desk.ended(second).outcome is CallOutcome.NO_ANSWER, "it was not we who cancelled it"
    desk.phone.hang_up(first.call_id)
    assert desk.ended(first).outcome is CallOutcome.CANCELLED
    assert ringing.status == "canceled"
    assert len(desk.twilio.voice.calls) == 2


def test_a_leg_of_an_earlier_life_can_be_ended_before_it_was_looked_up(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order, call = desk.placed()
    call.wait_status("ringing")
    until(lambda: desk.book.calls[order.call_id].provider_call_id, 10, "its id is recorded")
    desk.phone.stop()
    desk.phone = desk.new_phone()
    desk.phone.start()
    desk.phone.hang_up(order.call_id)
    assert desk.ended(order).outcome is CallOutcome.CANCELLED


def test_an_end_that_the_web_has_recorded_is_reported_once(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order, _ = desk.placed()
    ended_at = datetime.now(UTC)
    desk.book.calls[order.call_id] = replace(
        desk.book.calls[order.call_id], ended_at=ended_at, outcome=CallOutcome.ACKNOWLEDGED, billed_seconds=7
    )
    desk.phone.look_up("twilio", [order.call_id])
    end = desk.ended(order)
    assert (end.at, end.outcome, end.billed_seconds) == (ended_at, CallOutcome.ACKNOWLEDGED, 7)
    desk.phone.forget(order.call_id)


def test_a_record_that_is_away_delays_and_loses_nothing(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order = desk.order()
    desk.book.away = True
    desk.phone.place(order)
    desk.twilio.voice.expect_call(NUMBER).wait_status("ringing")
    desk.phone.look_up("twilio", [order.call_id])
    desk.reported(CallRinging)
    assert desk.book.calls[order.call_id].provider_call_id is None
    desk.book.away = False
    desk.phone.look_up("twilio", [order.call_id])
    until(lambda: desk.book.calls[order.call_id].provider_call_id, 10, "its id is recorded")
    desk.phone.hang_up(order.call_id)
    assert desk.ended(order).outcome is CallOutcome.CANCELLED


def test_twilio_out_of_reach_in_mid_call_is_waited_for(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order, _ = desk.placed()
    until(lambda: desk.book.calls[order.call_id].provider_call_id, 10, "its id is recorded")
    before = len(desk.twilio.requests)
    desk.twilio.fail(Fault.SERVER_ERROR)
    desk.phone.hang_up(order.call_id)
    until(lambda: len(desk.twilio.requests) > before + 3, 10, "it is asked again and again")
    desk.twilio.heal()
    assert desk.ended(order).outcome is CallOutcome.CANCELLED


def test_a_call_that_twilio_does_not_know_is_asked_for_again_and_then_lost(desk: Desk) -> None:
    order = desk.order()
    desk.book.keep(order.call_id, "CA" + "0" * 32)
    desk.phone.look_up("twilio", [order.call_id])
    assert desk.ended(order).outcome is CallOutcome.LOST
    assert len([request for request in desk.twilio.requests if "/Calls/CA" in request.path]) > 1
    desk.twilio.rejected.clear()


def test_a_leg_is_not_followed_for_ever(desk: Desk) -> None:
    desk.twilio.go_down()
    order = desk.order()
    call = desk.book.calls[order.call_id]
    desk.book.calls[order.call_id] = replace(
        call, started_at=call.started_at - timedelta(hours=5), provider_call_id="CA" + "0" * 32
    )
    desk.phone.look_up("twilio", [order.call_id])
    assert desk.ended(order).outcome is CallOutcome.LOST
    desk.twilio.come_back()


def test_orders_without_a_running_phone_end_at_once(desk: Desk) -> None:
    desk.phone.stop()
    assert desk.phone.trunks() == ()
    assert desk.ended(desk.place()).outcome is CallOutcome.TRUNK_TROUBLE
    with pytest.raises(KeyError):
        desk.phone.node_of("carrier")


def test_the_same_order_twice_is_one_call(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, turns_away("busy"))
    order = desk.order(ring=0.2)
    desk.phone.place(order)
    desk.phone.place(order)
    desk.twilio.voice.expect_call(NUMBER)
    desk.ended(order)
    assert len(desk.twilio.voice.calls) == 1


def test_whether_somebody_answered_is_seen_without_reports(desk: Desk) -> None:
    desk.twilio.voice.behaviour(NUMBER, rings_out())
    order, call = desk.placed()
    until(lambda: desk.book.calls[order.call_id].provider_call_id, 10, "its id is recorded")
    call.wait_status("ringing")
    call.status = "in-progress"
    desk.phone.look_up("twilio", [order.call_id])
    desk.reported(CallAnswered)
    call.status = "ringing"
