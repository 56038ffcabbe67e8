"""The callbacks of calls through Twilio, one by one: what is said, and what is recorded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.model.attempt import AttemptState
from gateway.model.call import CallOutcome, MachinePolicy
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.record import SignalKind
from gateway.services import provider_calls
from gateway.store import open_record
from tests.integration.voice_line import CALL_ID, OPERATOR, SID, SIGNED, Line, begun_line


@pytest.fixture
def line(sqlite_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    """Return a call to somebody, who has the PIN that is the parameter, if any."""
    record = open_record(sqlite_url)
    yield begun_line(record, tmp_path, pin=getattr(request, "param", None))
    record.close()


def sounds(verbs: list[ET.Element]) -> list[str]:
    """Return what is played, in its order, gathers included."""
    return [(each.text or "").rpartition("/")[2] for verb in verbs for each in verb.iter("Play")]


def test_the_message_is_said_three_times_with_keys_from_the_first_word_on(line: Line) -> None:
    verbs = line.post("answer")
    assert [verb.tag for verb in verbs] == ["Gather", "Gather", "Gather", "Play", "Hangup"]
    assert sounds(verbs) == ["alert.wav", "menu.wav"] * 3 + ["goodbye.wav"]
    gather = verbs[0]
    assert (gather.get("numDigits"), gather.get("finishOnKey"), gather.get("timeout")) == ("1", "", "4")
    assert gather.get("action", "").startswith("https://alerts.example.com/twilio/voice/key?call=")
    call = line.call()
    assert (call.provider_call_id, call.answered_at is not None) == (SID, True)
    assert TimelineType.CALL_ANSWERED in line.there.timeline(line.event_id)
    assert (SignalKind.CALL_CHANGED, line.event_id) in line.there.signals()
    assert line.there.wakeup.count >= 1


def test_a_key_is_answered_with_what_it_did(line: Line) -> None:
    gather = line.post("answer")[0]
    verbs = line.follow(gather.get("action"), Digits="1")
    assert [verb.tag for verb in verbs] == ["Play", "Hangup"]
    assert line.speech.said == ["The alert is acknowledged. Thank you. Goodbye."]
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED
    assert (line.call().digits, line.attempt().state) == ("1", AttemptState.ACKNOWLEDGED)
    # The same again, as Twilio does where it did not get our answer.
    line.follow(gather.get("action"), Digits="1")
    assert line.call().digits == "1"
    assert line.speech.said[1] == line.speech.said[0]


def test_who_comes_second_hears_who_was_first(line: Line) -> None:
    gather = line.post("answer")[0]
    bea = line.there.add_contact("Bea", "+15550102")
    line.client.post(line.there.link(line.event_id, bea))
    line.follow(gather.get("action"), Digits="1")
    assert line.speech.said == ["Bea has already acknowledged this alert. Thank you. Goodbye."]


def test_who_answers_when_it_is_over_is_told_at_once(line: Line) -> None:
    bea = line.there.add_contact("Bea", "+15550102")
    line.client.post(line.there.link(line.event_id, bea))
    assert [verb.tag for verb in line.post("answer")] == ["Play", "Hangup"]
    assert line.speech.said == ["Bea has already acknowledged this alert. Thank you. Goodbye."]


def test_where_our_own_speech_fails_twilio_speaks(line: Line) -> None:
    line.speech.fails = True
    (say, hangup) = line.post("key?turn=1&key=1", Digits="1")
    assert (say.tag, say.get("language"), hangup.tag) == ("Say", "en-US", "Hangup")
    assert say.text == "The alert is acknowledged. Thank you. Goodbye."


def test_a_key_waits_until_the_record_is_back(line: Line) -> None:
    line.record.away = True
    gather = line.post("answer")[0]
    assert gather.tag == "Gather", "whoever answers is told in any case"
    for _ in range(2):
        pause, redirect = line.follow(gather.get("action"), Digits="1")
        assert (pause.tag, redirect.tag) == ("Pause", "Redirect")
    assert line.there.event(line.event_id).status is EventStatus.OPEN
    line.record.away = False
    line.follow(redirect.text)
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED


def test_another_key_goes_on_with_the_turn_in_which_it_was_pressed(line: Line) -> None:
    verbs = line.post("answer")
    verbs = line.follow(verbs[1].get("action"), Digits="*")
    assert sounds(verbs) == ["not_understood.wav", *["alert.wav", "menu.wav"] * 2, "goodbye.wav"]
    verbs = line.follow(verbs[1].get("action"), Digits="0")
    assert sounds(verbs) == ["not_understood.wav", "alert.wav", "menu.wav", "goodbye.wav"]
    assert line.call().digits == "*0"


def test_2_connects_the_operator_with_a_whisper(line: Line) -> None:
    line.script = replace(line.script, whisper="whisper.wav")
    play, dial = line.post("key?turn=2&key=1", Digits="2")
    assert sounds([play]) == ["connecting.wav"]
    assert (dial.get("callerId"), dial.get("timeout"), dial.get("timeLimit")) == ("+15550100", "45", "14400")
    (number,) = dial
    assert number.text == OPERATOR
    assert sounds(line.follow(number.get("url"))) == ["whisper.wav"]
    assert line.attempt().state is AttemptState.HANDED_OFF
    verbs = line.follow(dial.get("action"), DialCallStatus="completed", DialCallDuration="58")
    assert [verb.tag for verb in verbs] == ["Hangup"]
    assert line.there.timeline(line.event_id).count(TimelineType.OPERATOR_REPORTED) == 2
    line.report("completed", CallDuration="61")
    assert (line.call().outcome, line.call().billed_seconds) == (CallOutcome.HANDED_OFF, 61)


@pytest.mark.parametrize(
    ("status", "remark"), [("busy", "operator_busy"), ("no-answer", "operator_absent"), ("failed", "no_operator")]
)
def test_without_the_operator_the_call_goes_on(line: Line, status: str, remark: str) -> None:
    dial = line.post("key?turn=2&key=1", Digits="2")[1]
    verbs = line.follow(dial.get("action"), DialCallStatus=status)
    assert sounds(verbs)[:3] == [f"{remark}.wav", "alert.wav", "menu.wav"]
    line.follow(verbs[0].get("action"), Digits="1")
    assert line.call().digits == "21"
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED


def test_without_a_number_of_an_operator_2_says_so(line: Line) -> None:
    line.script = replace(line.script, handoff_number=None)
    assert sounds(line.post("key?turn=1&key=1", Digits="2"))[0] == "no_operator.wav"


WITH_PIN = pytest.mark.parametrize("line", ["4711"], indirect=True)


@WITH_PIN
def test_1_counts_with_the_right_pin_alone(line: Line) -> None:
    (gather,) = line.post("key?turn=1&key=1", Digits="1")
    assert sounds([gather]) == ["enter_pin.wav"]
    assert (gather.get("finishOnKey"), gather.get("numDigits")) == ("#", None)
    (again,) = line.follow(gather.get("action"), Digits="1174")
    assert sounds([again]) == ["wrong_pin.wav", "enter_pin.wav"]
    assert line.there.event(line.event_id).status is EventStatus.OPEN
    assert line.call().digits == "p"
    line.follow(gather.get("action"), Digits="1174")
    assert line.call().digits == "p", "the same once more is no other try"
    line.follow(again.get("action"), Digits="4711")
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED
    assert line.call().digits == "p1", "what was entered is not kept"


@WITH_PIN
def test_somebody_who_got_a_pin_since_the_call_began_is_asked_for_it(line: Line) -> None:
    line.script = replace(line.script, pin_wanted=False)
    (again,) = line.post("key?turn=1&key=1", Digits="1")
    assert sounds([again])[-1] == "enter_pin.wav"
    line.follow(again.get("action"), Digits="4711")
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED


@WITH_PIN
def test_three_wrong_pins_end_the_call_as_missed(line: Line) -> None:
    verbs = line.post("key?turn=1&key=1", Digits="1")
    for _ in range(3):
        verbs = line.follow(verbs[0].get("action"), Digits="")
    assert ([verb.tag for verb in verbs], sounds(verbs)) == (
        ["Play", "Play", "Hangup"],
        ["wrong_pin.wav", "goodbye.wav"],
    )
    line.report("completed", CallDuration="30")
    assert line.attempt().state is AttemptState.MISSED


@WITH_PIN
def test_a_pin_that_could_not_be_checked_is_asked_for_again(line: Line) -> None:
    gather = line.post("key?turn=1&key=1", Digits="1")[0]
    line.record.away = True
    (again,) = line.follow(gather.get("action"), Digits="4711")
    assert sounds([again]) == ["enter_pin.wav"]
    assert "4711" not in again.get("action", "").rpartition("&turn")[2]
    line.record.away = False
    line.follow(again.get("action"), Digits="4711")
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED


@pytest.mark.parametrize("answered_by", ["machine_start", "fax"])
def test_a_machine_is_hung_up_on(line: Line, answered_by: str) -> None:
    line.script = replace(line.script, machine=MachinePolicy.HANG_UP)
    assert [verb.tag for verb in line.post("answer", AnsweredBy=answered_by)] == ["Hangup"]
    line.report("completed", CallDuration="3", AnsweredBy=answered_by)
    assert (line.call().outcome, line.attempt().state) == (CallOutcome.MACHINE, AttemptState.MISSED)
    assert TimelineType.MACHINE_DETECTED in line.there.timeline(line.event_id)


def test_a_machine_is_left_a_message_and_cannot_acknowledge(line: Line) -> None:
    line.script = replace(line.script, machine=MachinePolicy.LEAVE_MESSAGE)
    verbs = line.post("answer", AnsweredBy="machine_end_beep")
    assert ([verb.tag for verb in verbs], sounds(verbs)) == (["Play", "Hangup"], ["alert.wav"])


def test_a_person_is_not_taken_for_a_machine(line: Line) -> None:
    line.script = replace(line.script, machine=MachinePolicy.HANG_UP)
    for answered_by in ("human", "unknown"):
        assert line.post("answer", AnsweredBy=answered_by)[0].tag == "Gather"


def test_the_end_settles_the_leg_once(line: Line) -> None:
    line.report("ringing")
    line.report("completed", CallDuration="9", SipResponseCode="200")
    line.report("failed", SipResponseCode="503")
    line.report("ringing")
    line.report("in-progress")
    call = line.call()
    assert (call.outcome, call.billed_seconds, call.sip_cause) == (CallOutcome.NO_KEY, 9, None)
    assert call.ringing_at is not None
    assert call.audio_sha256 is not None
    kinds = line.there.timeline(line.event_id)
    assert kinds.count(TimelineType.CALL_ENDED) == kinds.count(TimelineType.CALL_RINGING) == 1


def test_a_key_counts_though_the_end_was_reported_before(line: Line) -> None:
    gather = line.post("answer")[0]
    line.report("completed", CallDuration="9")
    line.follow(gather.get("action"), Digits="1")
    assert line.there.event(line.event_id).status is EventStatus.ACKNOWLEDGED


def test_a_call_that_somebody_else_cancelled_is_a_missed_one(line: Line) -> None:
    line.report("canceled")
    assert (line.call().outcome, line.attempt().state) == (CallOutcome.NO_ANSWER, AttemptState.MISSED)


def test_the_report_knows_the_provider_call_better_than_a_search(line: Line) -> None:
    provider_calls.ProviderCalls(line.there.record, "twilio").keep(CALL_ID, "CA" + "2" * 32)
    line.report("ringing")
    assert line.call().provider_call_id == SID
    provider_calls.ProviderCalls(line.there.record, "twilio").keep(CALL_ID, "CA" + "3" * 32)
    assert line.call().provider_call_id == SID
    assert provider_calls.ProviderCalls(line.there.record, "twilio").is_taken(SID)


def test_the_engine_is_told_what_the_record_holds(line: Line) -> None:
    line.report("ringing")
    line.post("key?turn=1&key=1", Digits="2")
    line.report("completed", CallDuration="5")
    names = [type(report).__name__ for report in provider_calls.reports_of(line.there.record, CALL_ID)]
    assert names == ["CallRinging", "CallAnswered", "OperatorReported", "CallEnded"]
    assert provider_calls.reports_of(line.there.record, "d" * 32) == []


@pytest.mark.parametrize("step", ["answer", "key?turn=1&key=1", "operator", "whisper", "status", "pin?key=1"])
def test_only_what_twilio_and_we_have_signed_is_heard(line: Line, step: str) -> None:
    address = line.address(step)
    form = line.form(Digits="1", CallStatus="completed")
    assert line.client.post(address, data=form, headers={"X-Twilio-Signature": "forged"}).status_code == 403
    assert line.client.post(address.replace("call=", "call=x"), data=form, headers=SIGNED).status_code == 404
    assert line.client.post(address.partition("?")[0], data=form, headers=SIGNED).status_code == 404
    assert line.client.get(address, headers=SIGNED).status_code == 405
    assert (line.call().digits, line.call().ended_at) == ("", None)


def test_a_leg_that_is_not_on_record_does_no_harm(line: Line) -> None:
    line.script = replace(line.script, call_id="e" * 32)
    assert line.post("answer")[-1].tag == "Hangup"
    line.post("key?turn=1&key=1", Digits="1")
    line.report("completed", CallDuration="5")
    assert line.there.event(line.event_id).status is EventStatus.OPEN


@pytest.mark.parametrize("state", ["", "turn=x&key=-1", "turn=99999999&key=1e9", "turn=²&key=①"])
def test_odd_numbers_in_an_address_do_no_harm(line: Line, state: str) -> None:
    assert line.post(f"key?{state}", Digits="7")[0].tag in {"Gather", "Play"}


@pytest.mark.parametrize("digits", ["", "11", "x", "12345"])
def test_what_is_no_key_is_not_understood(line: Line, digits: str) -> None:
    assert sounds(line.post("key?turn=1&key=1", Digits=digits))[0] == "not_understood.wav"
    assert line.call().digits == ""
