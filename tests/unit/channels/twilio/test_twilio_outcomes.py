import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, ProxyError, ReadTimeoutError

from gateway.channels.twilio.outcomes import (
    REFUSALS,
    delivery_of_answer,
    delivery_of_creation,
    delivery_of_fault,
    delivery_report,
    read_report,
    refusal_reason,
)
from gateway.model.attempt import AttemptState
from gateway.model.whatsapp import MessageFault

SID = "SM" + "a" * 32


def no_connection(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(None, "/Messages.json", reason))  # type: ignore[arg-type]


REFUSED = NewConnectionError(None, "refused")  # type: ignore[arg-type]


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_known_refusals_are_final_and_say_what_to_do(code: int) -> None:
    delivery = delivery_of_answer(400, code, "Twilio's words")
    assert delivery.state is AttemptState.FAILED
    assert delivery.reason == f"{code}: {REFUSALS[code]}"


def test_an_unknown_refusal_is_told_in_the_words_of_twilio() -> None:
    assert delivery_of_answer(400, 29999, "Something\n new").reason == "29999: Something new"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_named(status: int) -> None:
    delivery = delivery_of_answer(status, 20003, "Authenticate")
    assert delivery.state is AttemptState.FAILED
    assert delivery.reason == "20003: credentials refused"


def test_a_refusal_with_403_that_is_not_about_credentials_keeps_its_reason() -> None:
    assert delivery_of_answer(403, 21610, "").reason == f"21610: {REFUSALS[21610]}"


def test_too_many_requests_may_be_tried_again() -> None:
    assert delivery_of_answer(429, 20429, "Too Many Requests").state is AttemptState.UNAVAILABLE


def test_the_daily_limit_is_final_although_it_comes_with_429() -> None:
    assert delivery_of_answer(429, 63038).state is AttemptState.FAILED


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_error_leaves_open_whether_the_message_exists(status: int) -> None:
    assert delivery_of_answer(status).state is AttemptState.UNKNOWN


def test_a_redirect_points_at_the_api_base() -> None:
    delivery = delivery_of_answer(301)
    assert delivery.state is AttemptState.FAILED
    assert "api_base" in (delivery.reason or "")


@pytest.mark.parametrize(
    "fault",
    [
        requests.ConnectTimeout("silence"),
        no_connection(REFUSED),
        no_connection(ProxyError("proxy", REFUSED)),
    ],
)
def test_without_a_connection_nothing_was_sent(fault: requests.RequestException) -> None:
    assert delivery_of_fault(fault).state is AttemptState.UNAVAILABLE


@pytest.mark.parametrize(
    "fault",
    [
        requests.ReadTimeout(ReadTimeoutError(None, "/", "silence")),  # type: ignore[arg-type]
        requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError())),
        requests.ConnectionError(),
        requests.exceptions.SSLError("record"),
        requests.exceptions.ChunkedEncodingError("broken"),
        requests.exceptions.ProxyError(MaxRetryError(None, "/", ProxyError("p", OSError()))),  # type: ignore[arg-type]
    ],
)
def test_a_connection_lost_later_leaves_it_open(fault: requests.RequestException) -> None:
    assert delivery_of_fault(fault).state is AttemptState.UNKNOWN


def test_an_unusable_address_is_final() -> None:
    delivery = delivery_of_fault(requests.exceptions.InvalidURL("x"))
    assert (delivery.state, delivery.reason) == (AttemptState.FAILED, "unusable address: check api_base (InvalidURL)")


def test_an_accepted_message_is_sent_under_its_sid() -> None:
    delivery = delivery_of_creation(SID, "queued")
    assert (delivery.state, delivery.provider_id) == (AttemptState.SENT, SID)


def test_a_message_that_failed_at_once_is_failed() -> None:
    assert delivery_of_creation(SID, "failed", 63024).state is AttemptState.FAILED


def test_an_acceptance_without_a_sid_is_unknown() -> None:
    assert delivery_of_creation(None, "queued").state is AttemptState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", AttemptState.SENT),
        ("queued", AttemptState.SENT),
        ("sending", AttemptState.SENT),
        ("sent", AttemptState.SENT),
        ("delivered", AttemptState.DELIVERED),
        ("read", AttemptState.READ),
        ("READ", AttemptState.READ),
        ("failed", AttemptState.FAILED),
        ("undelivered", AttemptState.FAILED),
        ("received", None),
        ("", None),
    ],
)
def test_each_status_callback_has_its_state(status: str, state: AttemptState | None) -> None:
    assert delivery_report(status) is state


def test_an_unheard_of_status_with_an_error_is_a_failure() -> None:
    assert delivery_report("exploded", 63016) is AttemptState.FAILED


def test_a_failure_report_names_its_reason() -> None:
    report = read_report({"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "63016", "New": "field"})
    assert report is not None
    assert (report.state, report.provider_id) == (AttemptState.FAILED, SID)
    assert report.reason == f"63016: {REFUSALS[63016]}"


def test_a_failure_report_without_a_code_names_its_status() -> None:
    report = read_report({"MessageSid": SID, "MessageStatus": "failed"})
    assert report is not None
    assert report.reason == "failed"


def test_a_good_report_has_no_reason() -> None:
    report = read_report({"MessageSid": SID, "MessageStatus": "read", "EventType": "READ"})
    assert report is not None
    assert (report.state, report.reason) == (AttemptState.READ, None)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageSid": SID},
        {"MessageStatus": "read"},
        {"MessageSid": SID, "MessageStatus": "received"},
        {"MessageSid": SID, "MessageStatus": "odd", "ErrorCode": "none"},
    ],
)
def test_what_is_no_report_on_a_message_is_none(form: dict[str, str]) -> None:
    assert read_report(form) is None


def test_a_reason_is_bounded() -> None:
    assert len(refusal_reason(1, "x" * 5000)) <= 300
    assert refusal_reason(None) == "no reason given"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (21610, MessageFault.OPTED_OUT),
        (21211, MessageFault.UNREACHABLE),
        (21614, MessageFault.UNREACHABLE),
        (63003, MessageFault.UNREACHABLE),
        (63014, MessageFault.UNREACHABLE),
        (63024, MessageFault.UNREACHABLE),
        (63016, MessageFault.WINDOW_CLOSED),
        (63013, MessageFault.MESSAGE),
        (63015, MessageFault.MESSAGE),
        (63032, MessageFault.MESSAGE),
        (63018, MessageFault.TEMPORARY),
        (63019, MessageFault.SETUP),
        (63049, MessageFault.SETUP),
        (63051, MessageFault.SETUP),
        (99999, None),
    ],
)
def test_each_code_says_what_it_means_for_other_messages(code: int, fault: MessageFault | None) -> None:
    assert delivery_of_answer(400, code, "Twilio's words").fault is fault
    report = read_report(
        {"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": str(code), "To": "whatsapp:+15550100"}
    )
    assert report is not None
    assert (report.fault, report.to) == (fault, "+15550100")


def test_a_template_that_is_refused_outside_the_window_is_a_matter_of_set_up() -> None:
    form = {"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "63016"}
    report = read_report(form, by_template=True)
    assert report is not None
    assert report.fault is MessageFault.SETUP
    assert "not approved" in (report.reason or "")


def test_what_cannot_be_sent_for_now_marks_nobody() -> None:
    for delivery in (delivery_of_answer(500, 63024), delivery_of_answer(429, 20429), delivery_of_answer(401, 20003)):
        assert delivery.fault is None


def test_error_code_of_thousands_of_digits_is_none() -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "9" * 5000}
    report = read_report(form)
    assert report is not None
    assert report.state is AttemptState.FAILED
