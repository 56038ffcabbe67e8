"""What Twilio's words about calls mean."""

import pytest

from gateway.channels.twilio.voice_outcomes import is_machine, outcome_of, read_voice_report, refusal_of
from gateway.model.call import CallOutcome


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress", "", "something new"])
def test_a_call_that_is_not_over_has_no_outcome(status: str) -> None:
    assert outcome_of(status, sip_cause=486, error_code=21211) is None


@pytest.mark.parametrize(
    ("status", "sip_cause", "outcome"),
    [
        ("completed", 200, CallOutcome.NO_KEY),
        ("canceled", 487, CallOutcome.CANCELLED),
        ("busy", None, CallOutcome.BUSY),
        ("busy", 486, CallOutcome.BUSY),
        ("busy", 600, CallOutcome.BUSY),
        ("busy", 603, CallOutcome.DECLINED),
        ("busy", 607, CallOutcome.DECLINED),
        ("no-answer", None, CallOutcome.NO_ANSWER),
        ("no-answer", 487, CallOutcome.NO_ANSWER),
        ("no-answer", 603, CallOutcome.DECLINED),
        ("failed", 404, CallOutcome.INVALID_NUMBER),
        ("failed", 410, CallOutcome.INVALID_NUMBER),
        ("failed", 484, CallOutcome.INVALID_NUMBER),
        ("failed", 604, CallOutcome.INVALID_NUMBER),
        ("failed", 480, CallOutcome.NO_ANSWER),
        ("failed", 408, CallOutcome.NO_ANSWER),
        ("failed", 486, CallOutcome.BUSY),
        ("failed", 403, CallOutcome.TRUNK_TROUBLE),
        ("failed", 500, CallOutcome.TRUNK_TROUBLE),
        ("failed", 503, CallOutcome.TRUNK_TROUBLE),
        ("failed", None, CallOutcome.TRUNK_TROUBLE),
    ],
)
def test_status_and_sip_answer_give_the_outcome(status: str, sip_cause: int | None, outcome: CallOutcome) -> None:
    assert outcome_of(status, sip_cause=sip_cause) is outcome


def test_an_error_code_can_say_that_the_number_is_invalid() -> None:
    assert outcome_of("failed", sip_cause=503, error_code=21217) is CallOutcome.INVALID_NUMBER
    assert outcome_of("failed", error_code=13227) is CallOutcome.TRUNK_TROUBLE


@pytest.mark.parametrize(
    ("answered_by", "machine"),
    [
        ("machine_start", True),
        ("machine_end_beep", True),
        ("machine_end_silence", True),
        ("machine_end_other", True),
        ("machine", True),
        ("fax", True),
        ("human", False),
        ("unknown", False),
        (None, False),
    ],
)
def test_who_is_a_machine(answered_by: str | None, *, machine: bool) -> None:
    assert is_machine(answered_by) is machine
    expected = CallOutcome.MACHINE if machine else CallOutcome.NO_KEY
    assert outcome_of("completed", answered_by=answered_by) is expected


@pytest.mark.parametrize("code", [13223, 21211, 21214, 21217])
def test_a_refusal_of_the_number_is_no_trouble_of_the_trunk(code: int) -> None:
    refusal = refusal_of(400, code, "Twilio's words")
    assert (refusal.outcome, refusal.hangup_cause) == (CallOutcome.INVALID_NUMBER, 28)
    assert str(code) in refusal.reason


@pytest.mark.parametrize("code", [20003, 21202, 21203, 21210, 21212, 21215, 21216, 21219, 99999, None])
def test_every_other_refusal_is(code: int | None) -> None:
    refusal = refusal_of(400, code, "Twilio's  words")
    assert (refusal.outcome, refusal.hangup_cause) == (CallOutcome.TRUNK_TROUBLE, 21)
    if code in {99999, None}:
        assert "Twilio's words" in refusal.reason


def test_too_many_requests_are_congestion() -> None:
    assert refusal_of(429, 20429).hangup_cause == 42


def test_a_report_is_read_from_its_form() -> None:
    form = {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "12", "SipResponseCode": "200", "New": "field"}
    report = read_voice_report(form)
    assert report is not None
    assert (report.provider_call_id, report.outcome, report.duration, report.sip_cause) == (
        "CA1",
        CallOutcome.NO_KEY,
        12,
        None,
    )
    busy = read_voice_report(form | {"CallStatus": "busy", "SipResponseCode": "486"})
    assert busy is not None
    assert (busy.sip_cause, busy.duration) == (486, None)
    ringing = read_voice_report({"CallSid": "CA1", "CallStatus": "ringing", "CallDuration": "0"})
    assert ringing is not None
    assert (ringing.is_ringing, ringing.is_answered, ringing.outcome, ringing.duration) == (True, False, None, None)
    answered = read_voice_report({"CallSid": "CA1", "CallStatus": "in-progress", "AnsweredBy": "machine_start"})
    assert answered is not None
    assert (answered.is_answered, answered.by_machine) == (True, True)


@pytest.mark.parametrize(
    "form", [{}, {"CallSid": "CA1"}, {"CallStatus": "completed"}, {"MessageSid": "SM1", "MessageStatus": "sent"}]
)
def test_what_is_no_report_on_a_call_is_none(form: dict[str, str]) -> None:
    assert read_voice_report(form) is None


def test_numbers_that_are_none_are_left_out() -> None:
    report = read_voice_report(
        {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": "-1", "SipResponseCode": "²", "ErrorCode": "x"}
    )
    assert report is not None
    assert (report.duration, report.sip_cause, report.outcome) == (None, None, CallOutcome.NO_KEY)
