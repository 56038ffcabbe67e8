"""Calls through Twilio, end to end: a real gateway, and a Twilio that follows its own API document."""

from collections.abc import Iterator

import pytest

from tests.clouds import FakeTwilio, Fault
from tests.clouds.twilio_callee import HANGS_UP, LISTENS, NOTHING, Callee, picks_up, rings_out, turns_away
from tests.clouds.twilio_voice import CreateFault
from tests.integration.twilio_exchange import OPERATOR, Exchange
from tests.waiting import until


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with FakeTwilio() as twilio:
        exchange = Exchange(tmp_path_factory.mktemp("exchange"), twilio)
        with exchange.gateway:
            yield exchange


def test_a_callee_who_presses_1_acknowledges_and_hears_so(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up("1"))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    event = exchange.gateway.expect_status(event_id, "acknowledged")
    assert (event["acknowledged_by"], event["acknowledged_via"]) == (ana.name, "dtmf")
    exchange.finished(event_id)
    assert call.hears(exchange.gateway.spoken("en", "menu"), exchange.gateway.spoken("en", "acknowledged"))
    (leg,) = exchange.calls(event_id)
    assert (leg["provider"], leg["trunk"], leg["outcome"], leg["digits"]) == ("twilio", "twilio", "acknowledged", "1")
    assert leg["billed_seconds"] >= 1
    assert leg["answered_at"] is not None
    assert call.status == "completed"
    assert {status for _, _, status in call.webhooks} == {200, 204}


def test_the_message_is_said_three_times_and_no_key_is_a_missed_call(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up(NOTHING, NOTHING, NOTHING))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_entry(event_id, "attempt_result", result="missed", reason="no_key")
    menu, goodbye = (exchange.gateway.spoken("en", name) for name in ("menu", "goodbye"))
    assert call.hears(menu, menu, menu, goodbye)
    assert not call.hears(menu, menu, menu, menu)
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["outcome"] == "no_key"


def test_another_key_is_not_understood_and_1_still_acknowledges(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up("9", "#", "1"))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_status(event_id, "acknowledged")
    not_understood, menu = (exchange.gateway.spoken("en", name) for name in ("not_understood", "menu"))
    assert call.hears(menu, not_understood, menu, not_understood, menu, exchange.gateway.spoken("en", "acknowledged"))
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["digits"] == "9#1"


def test_somebody_who_only_presses_wrong_keys_is_not_listened_to_for_ever(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up(*"9" * 40))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    assert call.hears(exchange.gateway.spoken("en", "goodbye"))
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["digits"] == "9" * 10


def test_a_callee_who_presses_2_is_connected_and_the_ladder_goes_on(exchange: Exchange) -> None:
    exchange.voice.behaviour(OPERATOR, picks_up(talks=1.5))
    event_id, (ana, bea) = exchange.alert(picks_up("2"), picks_up("1"))
    call = exchange.voice.expect_call(ana.phone)
    exchange.voice.expect_call(bea.phone).wait_ended()
    event = exchange.gateway.expect_status(event_id, "acknowledged")
    assert event["acknowledged_by"] == bea.name
    call.wait_ended()
    exchange.finished(event_id)
    assert call.dialled == [OPERATOR]
    assert len(call.whispered) == 1, "the operator is told what it is about"
    assert call.hears(exchange.gateway.spoken("en", "connecting"))
    first, second = exchange.calls(event_id)
    assert (first["outcome"], first["digits"], second["outcome"]) == ("handed_off", "2", "acknowledged")
    assert first["billed_seconds"] >= 2, "the seconds with the operator count"


def test_a_machine_is_hung_up_on_and_counts_as_missed(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(
        picks_up("1", answered_by="machine_start"), policy={"answering_machine": "hang_up"}
    )
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_entry(event_id, "attempt_result", result="missed", reason="machine")
    assert (call.fields["MachineDetection"], call.heard) == ("Enable", [])
    exchange.finished(event_id)


def test_a_machine_is_left_the_message_once_where_that_is_wanted(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(
        picks_up("1", answered_by="machine_end_beep"), policy={"answering_machine": "leave_message"}
    )
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_entry(event_id, "attempt_result", result="missed", reason="machine")
    assert (call.fields["MachineDetection"], len(call.heard)) == ("DetectMessageEnd", 1)
    exchange.finished(event_id)


def test_an_acknowledgement_takes_the_pin_of_who_has_one(exchange: Exchange) -> None:
    license_id = exchange.gateway.license()
    ana = exchange.person(license_id, picks_up("1", "4712#", "4711#"), pin="4711")
    event_id = exchange.gateway.post(exchange.gateway.source(license_id))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_status(event_id, "acknowledged")
    asked, wrong = (exchange.gateway.spoken("en", name) for name in ("enter_pin", "wrong_pin"))
    assert call.hears(asked, wrong, asked, exchange.gateway.spoken("en", "acknowledged"))
    exchange.finished(event_id)


def test_three_wrong_pins_end_the_call_as_missed(exchange: Exchange) -> None:
    license_id = exchange.gateway.license()
    ana = exchange.person(license_id, picks_up("1", "1#", "22#", "333#", "4711#"), pin="4711")
    event_id = exchange.gateway.post(exchange.gateway.source(license_id))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    assert call.hears(exchange.gateway.spoken("en", "wrong_pin"), exchange.gateway.spoken("en", "goodbye"))
    exchange.gateway.expect_entry(event_id, "attempt_result", result="missed")
    exchange.finished(event_id)


@pytest.mark.parametrize(("status", "prompt"), [("busy", "operator_busy"), ("no-answer", "operator_absent")])
def test_an_operator_who_cannot_be_had_is_told_and_1_still_acknowledges(
    exchange: Exchange, status: str, prompt: str
) -> None:
    exchange.voice.behaviour(OPERATOR, turns_away(status))
    event_id, (ana,) = exchange.alert(picks_up("2", "1"))
    call = exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_status(event_id, "acknowledged")
    assert call.hears(exchange.gateway.spoken("en", prompt), exchange.gateway.spoken("en", "menu"))
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["digits"] == "21"


@pytest.mark.parametrize(
    ("callee", "outcome", "cause"),
    [
        (turns_away("busy", 486), "busy", 486),
        (turns_away("busy", 603), "declined", 603),
        (turns_away("no-answer", 487), "no_answer", 487),
        (turns_away("failed", 404), "invalid_number", 404),
    ],
)
def test_what_the_network_says_is_what_the_call_became(
    exchange: Exchange, callee: Callee, outcome: str, cause: int
) -> None:
    event_id, (ana,) = exchange.alert(callee)
    exchange.voice.expect_call(ana.phone).wait_ended()
    entry = exchange.gateway.expect_entry(event_id, "call_ended", outcome=outcome)
    assert entry["detail"]["sip_cause"] == cause
    exchange.finished(event_id)


def test_trouble_of_twilio_itself_is_tried_again_later(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(turns_away("failed", 503))
    exchange.voice.expect_call(ana.phone)
    exchange.voice.behaviour(ana.phone, picks_up("1"))
    exchange.gateway.expect_entry(event_id, "call_ended", outcome="trunk_trouble", sip_cause=503)
    exchange.gateway.expect_entry(event_id, "attempt_result", result="unavailable")
    exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_status(event_id, "acknowledged")
    exchange.finished(event_id)


def test_an_acknowledgement_elsewhere_cancels_a_ringing_call(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(rings_out())
    call = exchange.voice.expect_call(ana.phone).wait_status("ringing")
    exchange.gateway.expect_entry(event_id, "call_ringing")
    exchange.acknowledge(event_id)
    call.wait_ended()
    assert (call.status, call.wanted, call.answered_at) == ("canceled", "canceled", None)
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["outcome"] == "cancelled"


def test_an_acknowledgement_elsewhere_is_told_in_mid_call(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up(LISTENS))
    call = exchange.voice.expect_call(ana.phone).wait_heard(exchange.gateway.spoken("en", "menu"))
    exchange.gateway.expect_entry(event_id, "call_answered")
    exchange.acknowledge(event_id)
    call.wait_ended()
    assert call.wanted is None, "told, not cut off"
    assert len(call.heard) == 3, "message, menu, and who has it"
    exchange.finished(event_id)
    assert exchange.calls(event_id)[0]["outcome"] == "cancelled"


def test_a_callee_who_comes_second_hears_who_was_first(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(picks_up(HANGS_UP, ring=0.2))
    exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_entry(event_id, "call_ended")
    exchange.acknowledge(event_id)
    exchange.finished(event_id)
    line = exchange.voice.lines[exchange.voice.calls[-1].sid]
    key = str(line.call.fields["Url"]).replace("/answer?", "/key?") + "&turn=1&key=1"
    status, body, _ = line.post(key, line.form(Digits="1"))
    assert status == 200
    assert body.count(b"<Play>") == 1
    assert b"<Hangup" in body


@pytest.mark.parametrize("fault", [CreateFault.HANGS, CreateFault.ERROR, CreateFault.LATE])
def test_a_call_of_which_nobody_knows_whether_it_was_created_is_found_and_not_repeated(
    exchange: Exchange, fault: CreateFault
) -> None:
    exchange.voice.fail_create(fault)
    event_id, (ana,) = exchange.alert(picks_up("1", ring=0.3))
    exchange.voice.expect_call(ana.phone).wait_ended()
    exchange.gateway.expect_status(event_id, "acknowledged")
    exchange.voice.release()
    exchange.finished(event_id)
    (leg,) = exchange.calls(event_id)
    assert leg["outcome"] == "acknowledged"


def test_a_connection_that_breaks_after_the_request_does_not_repeat_the_call(exchange: Exchange) -> None:
    exchange.twilio.fail(Fault.DROP, times=1)
    event_id, (ana,) = exchange.alert(rings_out())
    call = exchange.voice.expect_call(ana.phone).wait_status("ringing")
    exchange.acknowledge(event_id)
    assert call.wait_ended().status == "canceled", "it was found, and could be cancelled"
    exchange.finished(event_id)


def test_reports_that_come_twice_and_backwards_change_nothing(exchange: Exchange) -> None:
    exchange.voice.repeats, exchange.voice.backwards = 2, True
    try:
        event_id, (ana,) = exchange.alert(picks_up("9", "1"))
        call = exchange.voice.expect_call(ana.phone).wait_ended()
        exchange.gateway.expect_status(event_id, "acknowledged")
        exchange.finished(event_id)
    finally:
        exchange.voice.repeats, exchange.voice.backwards = 1, False
    until(lambda: len([1 for step, *_ in call.webhooks if step == "status"]) == 8, 10, "all reports were made")
    (leg,) = exchange.calls(event_id)
    assert (leg["digits"], leg["outcome"]) == ("91", "acknowledged")
    kinds = [entry["type"] for entry in exchange.gateway.event(event_id)["timeline"]]
    assert [kinds.count(kind) for kind in ("call_answered", "key_pressed", "call_ended", "acknowledged")] == [
        1,
        2,
        1,
        1,
    ]


def test_forged_callbacks_are_refused_and_change_nothing(exchange: Exchange) -> None:
    event_id, (ana,) = exchange.alert(rings_out())
    call = exchange.voice.expect_call(ana.phone).wait_status("ringing")
    line = exchange.voice.lines[call.sid]
    address = str(call.fields["Url"])
    for step, form in (
        ("answer", {}),
        ("key", {"Digits": "1"}),
        ("operator", {"DialCallStatus": "busy"}),
        ("whisper", {}),
        ("status", {"CallStatus": "completed", "CallDuration": "9"}),
    ):
        url = address.replace("/answer?", f"/{step}?") + "&turn=1&key=1"
        assert line.post(url, line.form(**form), forged=True)[0] == 403
        # What Twilio signed for another call's address is as good as forged, and so is a script that we did not sign.
        assert line.post(url.replace("call=", "call=x"), line.form(**form))[0] == 404
    assert exchange.gateway.event(event_id)["status"] == "open"
    exchange.acknowledge(event_id)
    call.wait_ended()
    exchange.finished(event_id)


def test_a_refused_call_says_why_and_an_invalid_number_is_flagged(exchange: Exchange) -> None:
    license_id = exchange.gateway.license()
    ana = exchange.person(license_id, picks_up("1"))
    exchange.voice.refuse(ana.phone, 21211, "The 'To' number is not a valid phone number.")
    event_id = exchange.gateway.post(exchange.gateway.source(license_id))
    exchange.gateway.expect_entry(event_id, "call_ended", outcome="invalid_number")
    exchange.finished(event_id)
    with exchange.gateway.record.read() as work:
        contact = work.contacts.get(ana.id)
    assert contact is not None
    assert contact.phone_invalid_at is not None


def test_a_country_that_the_account_may_not_call_is_trunk_trouble_and_tried_once_an_attempt(exchange: Exchange) -> None:
    license_id = exchange.gateway.license()
    ana = exchange.person(license_id, picks_up("1"))
    exchange.voice.refuse(ana.phone, 21215, "Account not authorized to call.")
    event_id = exchange.gateway.post(exchange.gateway.source(license_id))
    exchange.gateway.expect_entry(event_id, "call_ended", outcome="trunk_trouble", hangup_cause=21)
    exchange.gateway.expect_entry(event_id, "attempt_result", result="unavailable", reason="every_trunk_in_trouble")
    exchange.acknowledge(event_id)
    exchange.finished(event_id)


def test_an_engine_killed_as_the_call_is_created_adopts_it(exchange: Exchange) -> None:
    exchange.voice.fail_create(CreateFault.HANGS)
    event_id, (ana,) = exchange.alert(picks_up(NOTHING, LISTENS, "1", ring=0.5))
    call = exchange.voice.expect_call(ana.phone)
    exchange.gateway.kill_engine()
    exchange.voice.release()
    call.wait_heard(exchange.gateway.spoken("en", "menu"))
    until(lambda: exchange.gateway.http("GET", "/readyz").body["parts"]["engine"]["state"] == "ok", 40, "it is back")
    exchange.acknowledge(event_id)
    call.wait_ended(30)
    exchange.finished(event_id)
    (leg,) = exchange.calls(event_id)
    assert leg["outcome"] == "cancelled"
    assert len(call.heard) > 2, "told who has it"
