"""What Twilio's answers and reports about calls mean for the ladder. Pure, and free of Twilio's library.

Call statuses: https://www.twilio.com/docs/voice/api/call-resource#call-status-values. The codes are those of Twilio's
error dictionary, https://www.twilio.com/docs/api/errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from gateway.channels.twilio.outcomes import refusal_reason
from gateway.model.call import CallOutcome
from gateway.ports.provider_calls import ProviderReport

_FINAL = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})
_ANSWERED = "in-progress"
_RINGING = "ringing"
_FIRST_FINAL_FAILURE = 300
# Python reads no number of more than 4300 digits.
_MOST_DIGITS = 9
# Twilio's ids have 34 characters. What is much longer would not fit into an index.
_LONGEST_ID = 64

_INVALID_NUMBERS = frozenset({13223, 13226, 21211, 21214, 21217, 21421})
# Refusals that an operator will meet, in words that say what to do about them.
_REFUSALS = {
    20003: "credentials refused: check account_sid and auth_token",
    20429: "too many requests at once",
    13227: "the account may not call this country: enable it under Voice Geographic Permissions",
    21201: "there is no number to call",
    21202: "Twilio calls no premium numbers",
    21203: "the account may not make international calls: enable them in Twilio's console",
    21205: "the address of the call's instructions is invalid: public_url must be reachable from the internet",
    21210: "voice_from is no verified number of this account",
    21211: "the number to call is invalid",
    21212: "voice_from is invalid",
    21214: "the number to call cannot be reached",
    21215: "the account may not call this country: enable it under Voice Geographic Permissions",
    21216: "the account may not call this number: Twilio has blocked it",
    21217: "the number to call does not appear to be valid",
    21219: "a trial account calls verified numbers only: verify this one, or upgrade the account",
}

_OF_SIP = {
    frozenset({404, 410, 484, 604}): CallOutcome.INVALID_NUMBER,
    frozenset({603, 607}): CallOutcome.DECLINED,
    frozenset({486, 600}): CallOutcome.BUSY,
    frozenset({408, 480, 487}): CallOutcome.NO_ANSWER,
}
_OF_STATUS = {"busy": CallOutcome.BUSY, "no-answer": CallOutcome.NO_ANSWER}

# ITU-T Q.850, for what never reached the network: what this trunk lacks is said, so that it is not tried again at once.
INVALID_FORMAT = 28
REJECTED = 21
OUT_OF_ORDER = 38
CONGESTION = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A call that Twilio certainly did not place, and why."""

    outcome: CallOutcome
    hangup_cause: int
    reason: str


def is_machine(answered_by: str | None) -> bool:
    """Tell whether AnsweredBy names a machine; ``unknown`` counts as a person.

    https://www.twilio.com/docs/voice/answering-machine-detection
    """
    return answered_by is not None and (answered_by.startswith("machine") or answered_by == "fax")


def outcome_of(
    status: str, *, sip_cause: int | None = None, error_code: int | None = None, answered_by: str | None = None
) -> CallOutcome | None:
    """Return how a call ended; ``None`` while it is not over.

    ``sip_cause`` is SipResponseCode, the last SIP answer that Twilio got. ``failed`` says nothing about the callee
    unless that answer or the error code does: no phone is taken for invalid, and nobody's missed call is counted,
    because Twilio's carriers could not connect.
    """
    if status not in _FINAL:
        return None
    if status == "completed":
        return CallOutcome.MACHINE if is_machine(answered_by) else CallOutcome.NO_KEY
    if status == "canceled":
        return CallOutcome.CANCELLED
    if error_code in _INVALID_NUMBERS:
        return CallOutcome.INVALID_NUMBER
    said = next((outcome for causes, outcome in _OF_SIP.items() if sip_cause in causes), None)
    return said or _OF_STATUS.get(status, CallOutcome.TRUNK_TROUBLE)


def refusal_of(status: int, code: int | None, message: str | None = None) -> Refusal:
    """Return what a refused create call means; ``status`` is the HTTP status of the answer, below 500 and not 408."""
    reason = _REFUSALS.get(code or 0)
    reason = f"{code}: {reason}" if reason else refusal_reason(code, message)
    if code in _INVALID_NUMBERS:
        return Refusal(outcome=CallOutcome.INVALID_NUMBER, hangup_cause=INVALID_FORMAT, reason=reason)
    cause = CONGESTION if status == HTTPStatus.TOO_MANY_REQUESTS else REJECTED
    return Refusal(outcome=CallOutcome.TRUNK_TROUBLE, hangup_cause=cause, reason=reason)


def no_connection(reason: str) -> Refusal:
    """Return what it means that no connection to Twilio came about."""
    return Refusal(outcome=CallOutcome.TRUNK_TROUBLE, hangup_cause=OUT_OF_ORDER, reason=reason)


def report_of(
    sid: str,
    status: str,
    *,
    sip_cause: int | None = None,
    error_code: int | None = None,
    answered_by: str | None = None,
    duration: str | None = None,
) -> ProviderReport:
    """Return what a call's status, with what Twilio tells beside it, says of the call."""
    return ProviderReport(
        provider_call_id=sid,
        is_ringing=status == _RINGING,
        is_answered=status == _ANSWERED,
        outcome=outcome_of(status, sip_cause=sip_cause, error_code=error_code, answered_by=answered_by),
        # As with our own trunks: that a call was answered is no cause of its end.
        sip_cause=sip_cause if sip_cause is not None and sip_cause >= _FIRST_FINAL_FAILURE else None,
        duration=_number(duration) if status == "completed" else None,
        by_machine=is_machine(answered_by),
        answered_by=answered_by or "",
    )


def read_voice_report(form: Mapping[str, str]) -> ProviderReport | None:
    """Return what a status callback's form says; ``None`` where it is no report on a call.

    https://www.twilio.com/docs/voice/api/call-resource#statuscallback. New fields may appear in it at any time.
    """
    sid, status = form.get("CallSid", ""), form.get("CallStatus", "").strip().lower()
    if not sid or len(sid) > _LONGEST_ID or not status:
        return None
    return report_of(
        sid,
        status,
        sip_cause=_number(form.get("SipResponseCode")),
        error_code=_number(form.get("ErrorCode")),
        answered_by=form.get("AnsweredBy") or None,
        duration=form.get("CallDuration"),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
